package dev.keystore.cli;

import java.util.List;
import java.util.stream.Collectors;

/** Asks before something is lost. */
final class Confirmation {

    private Confirmation() {}

    /**
     * Asks the user to type a word.
     *
     * @param lost what is lost, one line each
     * @param word what has to be typed
     * @param withoutTerminal what to do where nobody can be asked
     * @throws Refusal if something else was typed, or there is no terminal
     */
    static void require(List<String> lost, String word, String withoutTerminal) {
        if (!isConfirmed(Terminal.ask(question(lost, word), withoutTerminal), word)) {
            throw new Refusal("Not confirmed; nothing was changed");
        }
    }

    /** Returns the question. Line breaks within a line are shown as escapes. */
    static String question(List<String> lost, String word) {
        return lost.stream().map(Text::visible).collect(Collectors.joining("\n")) + "\nType " + Text.visible(word)
                + " to confirm: ";
    }

    /** Returns whether the word was typed. Spaces around it need not be typed, since they cannot be seen. */
    static boolean isConfirmed(String typed, String word) {
        return typed.strip().equals(Text.visible(word).strip());
    }
}
