package dev.keystore.cli;

import java.util.Locale;
import java.util.regex.Pattern;

/** Text for people. */
final class Text {

    private static final String[] UNITS = {"KiB", "MiB", "GiB", "TiB"};
    private static final int STEP = 1_024;

    private static final Pattern DELETE = Pattern.compile("verify\\(\\),( and)? delete them");

    private Text() {}

    /** Returns text in which control characters, which could command a terminal, are written as escapes. */
    static String visible(String text) {
        StringBuilder visible = new StringBuilder(text.length());
        text.codePoints().forEach(point -> {
            int type = Character.getType(point);
            if (type == Character.CONTROL || type == Character.FORMAT || type == Character.SURROGATE) {
                visible.append(String.format(Locale.ROOT, "\\u%04x", point));
            } else {
                visible.appendCodePoint(point);
            }
        });
        return visible.toString();
    }

    /** Returns a message of the library with commands instead of its methods. */
    static String withCommands(String message) {
        return DELETE.matcher(message)
                .replaceAll("keystore verify,$1 delete them with keystore delete-damaged")
                .replace("with verify()", "with keystore verify");
    }

    static String bytes(long bytes) {
        if (bytes < STEP) {
            return bytes + " B";
        }
        double size = bytes;
        int unit = -1;
        while (size >= STEP && unit < UNITS.length - 1) {
            size /= STEP;
            unit++;
        }
        return String.format(Locale.ROOT, "%.1f %s", size, UNITS[unit]);
    }

    static String number(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /** Returns a number and its noun, which is the singular of a regular one. */
    static String count(long number, String noun) {
        boolean endsInY = noun.endsWith("ry") || noun.endsWith("ty");
        String plural = endsInY ? noun.substring(0, noun.length() - 1) + "ies" : noun + "s";
        return number(number) + " " + (number == 1 ? noun : plural);
    }
}
