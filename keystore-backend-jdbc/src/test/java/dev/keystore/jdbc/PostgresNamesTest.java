package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

final class PostgresNamesTest {

    private static final List<String> AWKWARD = List.of(
            "\0", "\1", "\2", "\0\1", "\1\0", "\1\1", "\1\2", "\0\2", "a\0", "a\1", "a\1\1", "a\0b", "\0\0\0",
            "\1\1\2");

    private JdbcBackend backend;

    @BeforeEach
    void open() {
        backend = PostgresFixture.open(PostgresFixture.url(PostgresFixture.newSchema()));
    }

    @AfterEach
    void close() {
        backend.close();
    }

    @Test
    @DisplayName("R8 U+0000 is distinct from its escaped form, and keeps its order")
    void escapes() {
        assertThat(AWKWARD).allSatisfy(name -> {
            assertThat(PostgresNames.unescape(PostgresNames.key(name))).isEqualTo(name);
            assertThat(PostgresNames.key(name)).doesNotContain("\0");
        });
        assertThat(AWKWARD.stream().map(PostgresNames::key)).doesNotHaveDuplicates();
        List<String> sorted = AWKWARD.stream().sorted().toList();
        assertThat(sorted.stream().map(PostgresNames::key)).isSorted();
    }

    @Test
    @DisplayName("R8 R55 an id and a context whose key is truncated are restored from what is kept of them")
    void longContexts() {
        List<String> ends = Stream.concat(AWKWARD.stream(), Stream.of("\0\3", "\1\3", "\3", "a"))
                .toList();
        for (String end : ends) {
            String context = random(1_020) + end;
            assertThat(PostgresNames.isTruncated(PostgresNames.key(context))).isTrue();
            assertThat(PostgresNames.isTruncated(PostgresNames.key(end))).isFalse();
            for (String id : ends) {
                String kept = PostgresNames.longId(context, id);
                assertThat(PostgresNames.id(kept)).isEqualTo(id);
                assertThat(PostgresNames.longContext(kept)).hasValue(context);
                assertThat(PostgresNames.longId(end, id)).isNull();
                assertThat(PostgresNames.id(PostgresNames.key(id))).isEqualTo(id);
                assertThat(PostgresNames.longContext(PostgresNames.key(id))).isEmpty();
                String longId = random(1_020) + id;
                assertThat(PostgresNames.id(PostgresNames.longId(end, longId))).isEqualTo(longId);
            }
        }
    }

    @Test
    @DisplayName("R8 R50 R60 long names that differ only in their last character are distinct, and found by any prefix")
    void longNames() {
        String random = random(1_023);
        List<String> ids = List.of(
                random,
                random + "a",
                random + "b",
                random + "\0",
                random.substring(0, 999),
                "\ud83d\ude00".repeat(512));
        for (String context : List.of(random + "a", random + "b")) {
            for (String id : ids) {
                backend.save(context, "session", id, (context + id).getBytes(StandardCharsets.UTF_8));
            }
        }
        backend.delete(random + "b", "session", random + "a");

        String context = random + "a";
        assertThat(backend.list(context).map(entry -> entry.id())).containsExactlyInAnyOrderElementsOf(ids);
        assertThat(backend.loadAll(context, "session", ids)).containsOnlyKeys(ids);
        assertThat(backend.load(context, "session", random + "a"))
                .contains((context + random + "a").getBytes(StandardCharsets.UTF_8));
        assertThat(backend.load(random + "b", "session", random + "a")).isEmpty();
        for (int length = 0; length <= 1_023; length += 33) {
            String prefix = random.substring(0, length);
            assertThat(backend.scan(context, "session", prefix))
                    .as("prefix of %s", length)
                    .containsExactlyInAnyOrderElementsOf(
                            ids.stream().filter(id -> id.startsWith(prefix)).toList());
        }
    }

    @Test
    @DisplayName("R60 a scan by prefix uses the primary key even if the database has another collation")
    void index() {
        Handle handle = backend.writer().handle();
        handle.execute("SET enable_seqscan = off");
        List<String> plan = handle.createQuery("""
                        EXPLAIN SELECT coalesce(long_id, id) FROM entry
                        WHERE context = 'alice' AND type = 'session' AND id >= 'bob.' AND id < 'bob/'
                        ORDER BY entry.id LIMIT 256
                        """).mapTo(String.class).list();

        assertThat(String.join("\n", plan))
                .contains("Index Scan using entry_pkey")
                .contains("(id >= 'bob.'::text)")
                .doesNotContain("Sort");
    }

    /** Returns letters that do not compress, so that the index row stays long. */
    private static String random(int length) {
        StringBuilder text = new StringBuilder();
        long state = 42;
        while (text.length() < length) {
            state = state * 6_364_136_223_846_793_005L + 1_442_695_040_888_963_407L;
            text.append((char) (0x4E00 + ((state >>> 33) % 20_000)));
        }
        return text.toString();
    }
}
