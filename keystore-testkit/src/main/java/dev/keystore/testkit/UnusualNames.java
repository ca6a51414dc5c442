package dev.keystore.testkit;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Ids and contexts that a faulty backend may confuse or alter. Each list is about one kind of fault. */
final class UnusualNames {

    /** Names with a special meaning in query languages, file systems, shells, patterns and text formats. */
    static final List<String> SPECIAL = List.of(
            "a/b",
            "/",
            "//",
            "/etc/passwd",
            "../a",
            "..",
            ".",
            "~",
            "a\\b",
            "C:\\a",
            "a:b",
            ":a",
            "::",
            ":id",
            "nul",
            "con.txt",
            "a.b",
            "a.tmp",
            ".hidden",
            "a%b",
            "%",
            "%00",
            "%2F",
            "a_b",
            "_",
            "*",
            "?",
            "?1",
            "$1",
            "${a}",
            "{0}",
            "[a]",
            "a b",
            "a'b",
            "''",
            "a\"b",
            "\"",
            "`a`",
            "a;b--",
            "') or 1=1 --",
            "#",
            "&amp;",
            "<a>",
            "<id>",
            "a=b",
            "a,b",
            "(",
            "|",
            "a\u0000b",
            "a\nb",
            "a\r\nb",
            "a\tb",
            "a\u0001b",
            "a\u007fb",
            "null",
            "undefined",
            "-",
            "--help",
            "+",
            "@",
            "!",
            "\u65e5\u672c",
            "\ud83d\ude00",
            "a\ud83d\ude00b",
            "\ud83d\udc69\u200d\ud83d\ude80",
            "\u202eabc",
            "\ufeffabc",
            "a\u00adb",
            "a\u200bb",
            "\uffff",
            "\udbff\udfff",
            "\ud7ff",
            "\ue000");

    /** Names that differ only in case, in some language. */
    static final List<String> OF_CASE = List.of(
            "session", "Session", "SESSION", "i", "I", "\u0130", "\u0131", "\u00df", "\u1e9e", "\u03c3", "\u03c2",
            "\u03a3");

    /** Names that differ only in Unicode normalization. */
    static final List<String> OF_NORMALIZATION = List.of(
            "\u00e9",
            "e\u0301",
            "\u00f6",
            "o\u0308",
            "\uac00",
            "\u1100\u1161",
            "\ufb01",
            "fi",
            "\u2460",
            "1",
            "\uff41",
            "a");

    /** Names that differ only in leading or trailing white space, control characters or dots. */
    static final List<String> OF_ENDS = List.of(
            "a", " a", "a ", "a  ", "\ta", "a\t", "a\n", "\na", "a\r", "a\u0000", "\u0000a", "a\u00a0", "a\u3000", "a.",
            "a/");

    /** Different spellings of the same number. */
    static final List<String> OF_NUMBER = List.of(
            "1",
            "01",
            "1.0",
            "1.",
            "+1",
            "1e0",
            "0x1",
            "\u0661",
            "0",
            "-0",
            "00",
            "9007199254740992",
            "9007199254740993");

    /** Strings with the same hash code. */
    static final List<String> OF_HASH_CODE =
            List.of("AaAaAa", "AaAaBB", "AaBBAa", "AaBBBB", "BBAaAa", "BBBBAa", "BBBBBB");

    /** Names that are a prefix of another, or match it as a pattern. */
    static final List<String> OF_PREFIX = List.of(
            "a", "ab", "abc", "a.1", "a.10", "a.1.0", "a/1", "a:1", "a%", "a_", "a*", "a.*", "a?", "_b", "%c", "[a]");

    /** Names of the maximum length, and of common limits of file names and index keys. */
    static final List<String> LONG = Stream.of(255, 256, 257, 1023, 1024)
            .flatMap(length -> Stream.of(
                    "x".repeat(length),
                    "x".repeat(length - 1) + "y",
                    "y" + "x".repeat(length - 1),
                    "\u5b57".repeat(length),
                    "\u5b57".repeat(length - 1) + "y",
                    "\ud83d\ude00".repeat(length / 2),
                    "\udbff\udfff".repeat(length),
                    "%".repeat(length)))
            .distinct()
            .toList();

    private UnusualNames() {}

    /** Returns names for contexts: all short names. */
    static List<String> ofContexts() {
        return Stream.of(SPECIAL, OF_CASE, OF_NORMALIZATION, OF_ENDS, OF_NUMBER, OF_HASH_CODE, OF_PREFIX)
                .flatMap(List::stream)
                .distinct()
                .toList();
    }

    /** Returns a name in a form for messages, on one line. */
    static String show(String name) {
        String beginning = name.length() > 40 ? name.substring(0, 20) : name;
        String shown = beginning
                .codePoints()
                .mapToObj(c -> c > ' ' && c < 127 ? Character.toString(c) : "<U+%04X>".formatted(c))
                .collect(Collectors.joining("", "\"", "\""));
        return name.length() > 40 ? shown + "... of " + name.length() + " characters" : shown;
    }
}
