package org.example.keystore.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class EntryNameTest {

    /** Ids that file systems refuse, truncate, fold, trim or interpret. */
    private static final List<String> ODD = List.of(
            "a",
            "A",
            "a.",
            "a..",
            "a ",
            "a  ",
            "a/",
            "a:",
            "a\\",
            "a%",
            "a_",
            "a\u0000",
            "a\u0000b",
            ".",
            "..",
            "../a",
            "/",
            "%2F",
            "%2f",
            "con",
            "CON",
            "nul.txt",
            "~",
            "\u00e9",
            "e\u0301",
            "\u00c9",
            "\ufb01",
            "fi",
            "FI",
            "i",
            "\u0130",
            "\u0131",
            "\u212a",
            "K",
            "k",
            "\ud83d\ude00",
            "\ud83d\ude01",
            "x".repeat(255),
            "x".repeat(256),
            "x".repeat(1024),
            "x".repeat(1023) + "y",
            "\u5b57".repeat(1024),
            "\u5b57".repeat(1023) + "a");

    @Test
    @DisplayName("R8 every id has a distinct file name that every file system accepts")
    void fileName_oddIds_isPlainAndItsOwn() {
        Set<String> names = ODD.stream()
                .map(id -> new EntryName("alice", "session", id).fileName())
                .collect(Collectors.toSet());

        assertThat(names).hasSameSizeAs(ODD).allMatch(name -> name.matches("[0-9a-f]{64}"));
    }

    @Test
    @DisplayName("R50 contexts, types and ids whose concatenations are equal have distinct names")
    void fileName_runTogether_isItsOwn() {
        List<EntryName> alike = List.of(
                new EntryName("ab", "c", "d"),
                new EntryName("a", "bc", "d"),
                new EntryName("a", "b", "cd"),
                new EntryName("abcd", "", ""),
                new EntryName("", "abc", "d"),
                new EntryName("a", "b", "c\u0000\u0001d"),
                new EntryName("a\u0000\u0001b", "c", "d"));

        assertThat(alike.stream().map(EntryName::fileName)).doesNotHaveDuplicates();
        assertThat(Stream.of("a", "A", "a ", "\u00e5", "a\u030a").map(EntryName::folderName))
                .doesNotHaveDuplicates();
    }
}
