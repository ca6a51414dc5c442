package dev.keystore.cli;

/** Asks before something is lost. */
final class Confirmation {

    private Confirmation() {}

    /**
     * Asks the user to type a word.
     *
     * @param what what is lost
     * @param word what has to be typed
     * @param withoutTerminal what to do where nobody can be asked
     * @throws Refusal if something else was typed, or there is no terminal
     */
    static void require(String what, String word, String withoutTerminal) {
        String typed =
                Terminal.ask(Text.visible(what) + "\nType " + Text.visible(word) + " to confirm: ", withoutTerminal);
        if (!typed.strip().equals(Text.visible(word))) {
            throw new Refusal("Not confirmed; nothing was changed");
        }
    }
}
