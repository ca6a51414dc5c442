package dev.keystore.testkit;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A system call in the output of {@code strace}.
 *
 * @param name the name of the call
 * @param arguments the arguments as printed, strings in quotes
 * @param result the return value; empty if the call did not return
 */
record TraceLine(String name, List<String> arguments, Optional<String> result) {

    /** Parses {@code name(arguments) = result}, of which everything after the arguments may be missing. */
    static TraceLine parse(String text) {
        int open = text.indexOf('(');
        List<String> arguments = new ArrayList<>();
        int at = open + 1;
        int begin = at;
        int depth = 0;
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c == '"') {
                at = endOfString(text, at);
                continue;
            }
            if (c == ')' && depth == 0) {
                break;
            }
            if (c == '{' || c == '[' || c == '(') {
                depth++;
            } else if (c == '}' || c == ']' || c == ')') {
                depth--;
            } else if (c == ',' && depth == 0) {
                arguments.add(text.substring(begin, at).strip());
                begin = at + 1;
            }
            at++;
        }
        if (!text.substring(begin, at).isBlank()) {
            arguments.add(text.substring(begin, at).strip());
        }
        int equals = text.indexOf("= ", at);
        return new TraceLine(
                text.substring(0, open),
                List.copyOf(arguments),
                equals < 0
                        ? Optional.empty()
                        : Optional.of(text.substring(equals + 2).split(" ", 2)[0])
                                .filter(result -> !result.equals("?")));
    }

    String argument(int index) {
        return arguments.get(index);
    }

    long number(int index) {
        return Long.decode(argument(index));
    }

    byte[] bytes(int index) {
        return bytes(argument(index));
    }

    /** Returns the concatenated bytes of all buffers of {@code writev}. */
    byte[] gathered(int index) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        String buffers = argument(index);
        for (int at = buffers.indexOf('"'); at >= 0; ) {
            int end = endOfString(buffers, at);
            String rest = buffers.substring(end);
            bytes.writeBytes(bytes(buffers.substring(at, end) + (rest.startsWith("...") ? "..." : "")));
            at = buffers.indexOf('"', end);
        }
        return bytes.toByteArray();
    }

    private static int endOfString(String text, int quote) {
        int at = quote + 1;
        while (at < text.length() && text.charAt(at) != '"') {
            at += text.charAt(at) == '\\' ? 2 : 1;
        }
        return at + 1;
    }

    /** Decodes a string in quotes, with the escapes of C. */
    static byte[] bytes(String quoted) {
        if (!quoted.startsWith("\"") || quoted.endsWith("...")) {
            throw new IllegalStateException("The output of strace lacks bytes of a call");
        }
        byte[] bytes = new byte[quoted.length()];
        int length = 0;
        int at = 1;
        while (at < quoted.length() - 1) {
            char c = quoted.charAt(at++);
            if (c != '\\') {
                bytes[length++] = (byte) c;
                continue;
            }
            c = quoted.charAt(at++);
            if (c >= '0' && c <= '7') {
                int octal = c - '0';
                for (int i = 0; i < 2 && quoted.charAt(at) >= '0' && quoted.charAt(at) <= '7'; i++) {
                    octal = 8 * octal + quoted.charAt(at++) - '0';
                }
                bytes[length++] = (byte) octal;
            } else {
                bytes[length++] = (byte)
                        switch (c) {
                            case 'n' -> '\n';
                            case 't' -> '\t';
                            case 'r' -> '\r';
                            case 'v' -> 0x0B;
                            case 'f' -> '\f';
                            default -> c;
                        };
            }
        }
        return Arrays.copyOf(bytes, length);
    }
}
