package dev.keystore.cli;

import java.io.Console;
import java.io.PrintWriter;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The terminal at which a person reads and types, if there is one. */
final class Terminal {

    private static final @Nullable Console CONSOLE = console();

    private Terminal() {}

    /** From JDK 22 on, there may be a console without a terminal. */
    @SuppressWarnings("SystemConsoleNull") // before JDK 22, it is null without a terminal
    private static @Nullable Console console() {
        Console console = System.console();
        if (console == null || Runtime.version().feature() < 22) {
            return console;
        }
        try {
            boolean isTerminal = (boolean) Console.class.getMethod("isTerminal").invoke(console);
            return isTerminal ? console : null;
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }

    /** Returns whether input and output are a terminal. */
    static boolean isPresent() {
        return CONSOLE != null;
    }

    /** Returns what writes to the terminal, also while the error output goes elsewhere; null without a terminal. */
    static @Nullable PrintWriter writer() {
        return CONSOLE == null ? null : CONSOLE.writer();
    }

    /**
     * Asks for a line.
     *
     * @throws Refusal if there is no terminal, or its input has ended
     */
    static String ask(String question, String withoutTerminal) {
        return prompt(question, withoutTerminal, console -> console.readLine("%s", question));
    }

    /**
     * Asks for a passphrase, which is not shown.
     *
     * @return a new array, which the caller overwrites
     * @throws Refusal if there is no terminal, or its input has ended
     */
    static char[] askPassphrase(String question) {
        return askSecret(question, "passphrase");
    }

    /** Asks for a password, like {@link #askPassphrase}. */
    static char[] askPassword(String question) {
        return askSecret(question, "password");
    }

    private static char[] askSecret(String question, String what) {
        char[] typed = prompt(
                question,
                "name an environment variable with the option that ends in " + what + "-env",
                console -> console.readPassword("%s", question));
        if (typed.length == 0) {
            throw new Refusal("An empty " + what + " is refused; nothing was changed");
        }
        return typed;
    }

    /**
     * Asks for a new passphrase, twice.
     *
     * @return a new array, which the caller overwrites
     * @throws Refusal as {@link #askPassphrase} does; also if the two differ
     */
    static char[] askNewPassphrase(String question) {
        char[] first = askPassphrase(question);
        char[] second = askPassphrase("Once more: ");
        boolean same = Arrays.equals(first, second);
        Arrays.fill(second, '\0');
        if (!same) {
            Arrays.fill(first, '\0');
            throw new Refusal("The two passphrases differ; nothing was changed");
        }
        return first;
    }

    private interface Question<T> {
        @Nullable
        T ask(Console console);
    }

    private static <T> T prompt(String what, String withoutTerminal, Question<T> question) {
        if (CONSOLE == null) {
            String oneLine = what.strip().replaceAll("\\s*\\R\\s*", " ");
            throw new Refusal("There is no terminal to ask \"" + oneLine + "\"; " + withoutTerminal);
        }
        Interruption.setPrompting(true);
        try {
            T answer = question.ask(CONSOLE);
            if (answer == null) {
                throw new Refusal("The input ended; nothing was changed");
            }
            return answer;
        } finally {
            Interruption.setPrompting(false);
        }
    }
}
