package dev.keystore.core;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.Codec;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyType;
import dev.keystore.testkit.Call.Operation;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Codecs that violate their contract. */
@Timeout(60)
class CodecTest extends OpenedDatabase {

    private boolean broken;

    private final KeyType<String> type = KeyType.of("fragile", new Codec<>() {
        @Override
        public byte[] encode(String value) {
            return broken ? null : value.getBytes(UTF_8);
        }

        @Override
        public String decode(byte[] bytes) {
            return broken ? null : new String(bytes, UTF_8);
        }
    });

    @BeforeEach
    void open() {
        open(UnaryOperator.identity());
        alice.put(type, "1", "before");
        faults.forgetCalls();
    }

    @Test
    @DisplayName("R13 a codec that encodes a value to null fails the write, and deletes nothing")
    void put_encodedToNull_changesNothing() {
        broken = true;
        assertThatThrownBy(() -> alice.put(type, "1", "after"))
                .isInstanceOf(NullPointerException.class)
                .hasMessageContaining("encoded");
        assertThatThrownBy(() -> alice.useTransaction("k", tx -> tx.put(type, "1", "after")))
                .isInstanceOf(NullPointerException.class);
        broken = false;

        assertThat(faults.count(Operation.COMMIT)).isZero();
        assertThat(alice.find(type, "1")).hasValue("before");
        open(UnaryOperator.identity());
        assertThat(alice.find(type, "1")).hasValue("before");
    }

    @Test
    @DisplayName("R43 a record that its codec decodes to null is damaged, not absent")
    void find_decodedToNull_isCorrupt() {
        open(UnaryOperator.identity());
        broken = true;
        assertThatThrownBy(() -> alice.find(type, "1")).isInstanceOf(CorruptEntryException.class);
        assertThatThrownBy(() -> alice.insert(type, "1", "after")).isInstanceOf(CorruptEntryException.class);
        assertThat(alice.verify()).containsExactly(new EntryId("fragile", "1"));
        broken = false;
        assertThat(alice.find(type, "1")).hasValue("before");
    }
}
