package dev.keystore.demo;

import java.util.List;

/** The text of each letter by number. Alice and Bob take turns; every fifth letter is from Alice to the group. */
final class Script {

    /** The number of letters sent by one run. */
    static final int LETTERS_A_RUN = 5;

    private static final List<String> LINES = List.of(
            "Hi Bob, are you there?",
            "I am. Your first message made our session.",
            "Good. This one is on the ratchet.",
            "So is this one, and every key is used once.",
            "Hello group! One sender key for all of you.",
            "Bob, did you restart?",
            "I did, and my ratchet was where I had left it.",
            "Mine, too. Nothing to negotiate again.",
            "What if one of us is killed in the middle of a commit?",
            "Group, try it: run this with -Dkill.",
            "Still there, Bob?",
            "Still here. A commit is there or it isn't.",
            "So a letter is sent or it isn't.",
            "And opened or not, but never twice.",
            "Group, is anything missing?",
            "Any news, Bob?",
            "All quiet. No letter in flight.",
            "Then let us fill the file a little.",
            "Gladly: it only takes a few bytes a letter.",
            "Group, see you in the next run.");

    private Script() {}

    static boolean isAlices(int number) {
        return position(number) % 2 == 0;
    }

    static boolean isToGroup(int number) {
        return position(number) == LETTERS_A_RUN - 1;
    }

    static String line(int number) {
        return LINES.get((number - 1) % LINES.size());
    }

    private static int position(int number) {
        return (number - 1) % LETTERS_A_RUN;
    }
}
