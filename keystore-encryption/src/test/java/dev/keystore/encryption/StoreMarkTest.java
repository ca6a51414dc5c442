package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.EntryKeyMissingException;
import dev.keystore.KeyUnavailableException;
import dev.keystore.StoreOpenException;
import dev.keystore.UnsupportedFormatException;
import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.KeyProvider;
import dev.keystore.spi.StoreSealing;
import dev.keystore.spi.StoreSealing.Phase;
import java.security.SecureRandom;
import java.util.Arrays;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The mark of a store, its root key, and replacing keys. */
class StoreMarkTest {

    private static final byte[] VALUE = "the ratchet".getBytes(UTF_8);
    private static final int SEALED_KEYS_BYTES = 10 + 24 + 40 + 16 + 4;

    private final MemoryKey root = new MemoryKey();
    private final Encryption encryption = Encryption.with(root);
    private final StoreSealing store = encryption.open(null);
    private final byte[] mark = store.mark();
    private final ContextSealing alice = store.createContext("alice");
    private final byte[] record = alice.seal("session", "bob.1", VALUE);

    @Test
    @DisplayName("R72 a store opens with its mark and its root key, and the mark stays as it is")
    void reopened() {
        StoreSealing reopened = encryption.open(mark);

        assertThat(reopened.mark()).isEqualTo(mark);
        byte[] keys = store.sealKeys("alice", alice);
        assertThat(reopened.isSealedWithNewestKey("alice", keys)).isTrue();
        ContextSealing context = reopened.openContext("alice", keys);
        assertThat(context.keyId()).isEqualTo(alice.keyId());
        assertThat(context.open("session", "bob.1", record)).isEqualTo(VALUE);
    }

    @Test
    @DisplayName("R73 the root key is used once per opening, whatever the number of contexts and records")
    void rootKey_usedAtOpenOnly() {
        root.calls.set(0);
        StoreSealing reopened = encryption.open(mark);
        for (int i = 0; i < 1_000; i++) {
            ContextSealing context = reopened.createContext("context " + i);
            context.open("session", "x", context.seal("session", "x", VALUE));
            reopened.openContext("context " + i, reopened.sealKeys("context " + i, context));
        }

        assertThat(root.calls).hasValue(1);
    }

    @Test
    @DisplayName("R73 each store and each context has separate random keys")
    void keys_differ() {
        ContextSealing bob = store.createContext("bob");
        assertThat(bob.keyId()).isNotEqualTo(alice.keyId());
        assertThat(encryption.open(null).mark()).isNotEqualTo(mark);
    }

    @Test
    @DisplayName("R72 a wrong root key is unavailable, and the message names both keys")
    void wrongKey() {
        assertThatThrownBy(() -> Encryption.with(new MemoryKey()).open(mark))
                .isInstanceOf(KeyUnavailableException.class)
                .hasMessageMatching("The store was encrypted with root key [0-9a-f]{16}, but the test's key is root key"
                        + " [0-9a-f]{16}; configure the key that the store was encrypted with");
    }

    @Test
    @DisplayName("R72 a root key of another provider is unavailable, and the message names both")
    void otherProvider() {
        assertThatThrownBy(() -> Encryption.with(named("other")).open(mark))
                .isInstanceOf(KeyUnavailableException.class)
                .hasMessage("The root key of the encrypted store comes from \"memory\", but \"other\" is configured;"
                        + " configure the key that the store was encrypted with");
    }

    private KeyProvider named(String name) {
        return new KeyProvider() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public byte[] wrap(byte[] key, byte[] associatedData) {
                return root.wrap(key, new byte[0]);
            }

            @Override
            public byte[] unwrap(byte[] wrapped, byte[] associatedData) {
                return root.unwrap(wrapped, new byte[0]);
            }
        };
    }

    @Test
    @DisplayName("R72 a mark with any one bit flipped is damaged; its checksum corrected, tampered with or unsupported")
    void everyBit() {
        everyBit(encryption, mark);
    }

    @Test
    @DisplayName("R72 the mark is authenticated even if the key provider ignores associated data")
    void everyBit_providerIgnoresAssociatedData() {
        Encryption careless = Encryption.with(named("memory"));
        everyBit(careless, careless.open(null).mark());
    }

    @Test
    @DisplayName("R80 R72 the mark of a backup says so, authenticated, in each phase and with former keys dropped")
    void backup() {
        for (Phase phase : Phase.values()) {
            StoreSealing backup = store.withPhase(phase).forBackup();
            assertThat(backup.isOfBackup()).isTrue();
            assertThat(backup.phase()).isEqualTo(phase);
            StoreSealing reopened = encryption.open(backup.mark());
            assertThat(reopened.isOfBackup()).isTrue();
            assertThat(reopened.phase()).isEqualTo(phase);
            assertThat(reopened.withPhase(Phase.ENCRYPTED).isOfBackup()).isTrue();
            assertThat(reopened.withoutFormerKeys().isOfBackup()).isTrue();
            assertThat(store.reopened(backup.mark()).orElseThrow().isOfBackup()).isTrue();
            assertThat(encryption.rotate(backup.mark()).isOfBackup()).isTrue();
        }
        assertThat(store.isOfBackup()).isFalse();
        everyBit(encryption, store.forBackup().mark());
    }

    static void everyBit(Encryption encryption, byte[] mark) {
        for (int bit = 0; bit < 8 * (mark.length - 4); bit++) {
            byte[] changed = mark.clone();
            changed[bit / 8] ^= (byte) (1 << bit % 8);
            assertThatThrownBy(() -> encryption.open(changed))
                    .as("bit %s", bit)
                    .isExactlyInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("is damaged: its checksum does not match");
            assertThatThrownBy(() -> encryption.rotate(changed)).isExactlyInstanceOf(StoreOpenException.class);

            byte[] forged = RecordTest.corrected(changed);
            assertThatThrownBy(() -> encryption.open(forged))
                    .as("bit %s, corrected", bit)
                    .isInstanceOf(bit < 16 ? UnsupportedFormatException.class : StoreOpenException.class);
        }
        for (int length = 0; length < mark.length; length++) {
            byte[] shorter = Arrays.copyOf(mark, length);
            assertThatThrownBy(() -> encryption.open(shorter)).isInstanceOf(StoreOpenException.class);
            if (length >= 4) {
                assertThatThrownBy(() -> encryption.open(RecordTest.corrected(shorter)))
                        .as("length %s, corrected", length)
                        .isInstanceOf(StoreOpenException.class);
            }
        }
    }

    @Test
    @DisplayName("R72 the sealed keys of another store's mark, under the same root key, are tampered with")
    void mixedMarks() {
        byte[] other = encryption.open(null).mark();
        byte[] mixed = mark.clone();
        int from = mark.length - 4 - SEALED_KEYS_BYTES;
        System.arraycopy(other, from, mixed, from, SEALED_KEYS_BYTES);

        assertThatThrownBy(() -> encryption.open(RecordTest.corrected(mixed)))
                .isExactlyInstanceOf(StoreOpenException.class)
                .hasMessageContaining("was tampered with");
    }

    @Test
    @DisplayName("R71 the mark of another store opens, but none of its keys opens this store's contexts")
    void foreignMark() {
        StoreSealing other = encryption.open(encryption.open(null).mark());
        assertThatThrownBy(() -> other.openContext("alice", store.sealKeys("alice", alice)))
                .isInstanceOf(EntryKeyMissingException.class);
    }

    @Test
    @DisplayName(
            "R74 a replaced root key wraps the store key again: records stay readable, and the former root key opens"
                    + " nothing")
    void rootKey_replaced() {
        MemoryKey replacement = new MemoryKey();
        StoreSealing both = Encryption.with(replacement).replacing(root).open(mark);
        byte[] rewrapped = both.mark();

        assertThat(rewrapped).isNotEqualTo(mark);
        StoreSealing reopened = Encryption.with(replacement).open(rewrapped);
        assertThat(reopened.mark()).isEqualTo(rewrapped);
        assertThat(reopened.openContext("alice", store.sealKeys("alice", alice)).open("session", "bob.1", record))
                .isEqualTo(VALUE);
        assertThatThrownBy(() -> encryption.open(rewrapped)).isInstanceOf(KeyUnavailableException.class);
        assertThat(Encryption.with(replacement).replacing(root).open(rewrapped).mark())
                .isEqualTo(rewrapped);
    }

    @Test
    @DisplayName(
            "R72 if neither the root key nor the former one opens a store, the failure of the root key is the cause")
    void rootKey_neitherFits() {
        byte[] replaced =
                Encryption.with(named("new")).replacing(root).open(mark).mark();
        KeyUnavailableException outage = new KeyUnavailableException("The service does not answer; try later", null);
        KeyProvider unreachable = new KeyProvider() {
            @Override
            public String name() {
                return "new";
            }

            @Override
            public byte[] wrap(byte[] key, byte[] associatedData) {
                throw outage;
            }

            @Override
            public byte[] unwrap(byte[] wrapped, byte[] associatedData) {
                throw outage;
            }
        };

        Throwable failure = catchThrowable(
                () -> Encryption.with(unreachable).replacing(root).open(replaced));

        assertThat(failure)
                .isInstanceOf(KeyUnavailableException.class)
                .hasCause(outage)
                .hasMessage("Neither the root key nor the one that it replaces opens the store. The root key: The"
                        + " service does not answer; try later. The one that it replaces: The root key of the"
                        + " encrypted store comes from \"new\", but \"" + root.name() + "\" is configured; configure"
                        + " the key that the store was encrypted with");
        assertThat(failure.getSuppressed()).singleElement().isInstanceOf(KeyUnavailableException.class);
    }

    @Test
    @DisplayName("R74 a new store key seals the keys of contexts; the former one is dropped once none needs it")
    void storeKey_rotated() {
        StoreSealing rotated = encryption.rotate(mark);
        ContextSealing context = rotated.openContext("alice", store.sealKeys("alice", alice));
        assertThat(context.open("session", "bob.1", record)).isEqualTo(VALUE);
        byte[] keys = rotated.sealKeys("alice", context);
        assertThat(rotated.isSealedWithNewestKey("alice", store.sealKeys("alice", alice)))
                .isFalse();
        assertThat(rotated.isSealedWithNewestKey("alice", keys)).isTrue();
        assertThat(rotated.formerKeys()).isOne();

        StoreSealing retired = encryption.open(
                encryption.open(rotated.mark()).withoutFormerKeys().mark());
        assertThat(retired.formerKeys()).isZero();

        assertThatThrownBy(() -> retired.openContext("alice", store.sealKeys("alice", alice)))
                .isInstanceOf(EntryKeyMissingException.class);
        assertThat(retired.openContext("alice", keys).open("session", "bob.1", record))
                .isEqualTo(VALUE);
        assertThatThrownBy(() -> encryption.open(mark).openContext("alice", keys))
                .as("an old mark")
                .isInstanceOf(EntryKeyMissingException.class);
    }

    @ParameterizedTest
    @EnumSource(Phase.class)
    @DisplayName("R72 the phase of a store is part of its mark and authenticated")
    void phase(Phase phase) {
        StoreSealing changed = store.withPhase(phase);
        byte[] changedMark = changed.mark();
        assertThat(encryption.open(changedMark).phase()).isEqualTo(phase);
        assertThat(encryption.rotate(changedMark).phase()).isEqualTo(phase);
        assertThat(Encryption.with(new MemoryKey())
                        .replacing(root)
                        .open(changedMark)
                        .phase())
                .isEqualTo(phase);
        assertThat(changed.openContext("alice", store.sealKeys("alice", alice)).keyId())
                .isEqualTo(alice.keyId());

        int at = mark.length - 4 - SEALED_KEYS_BYTES - 2;
        byte[] forged = changedMark.clone();
        forged[at] = (byte) (forged[at] % 3 + 1);
        assertThatThrownBy(() -> encryption.open(RecordTest.corrected(forged)))
                .isExactlyInstanceOf(StoreOpenException.class)
                .hasMessageContaining("was tampered with");
        forged[at] = 4;
        assertThatThrownBy(() -> encryption.open(RecordTest.corrected(forged)))
                .isExactlyInstanceOf(StoreOpenException.class)
                .hasMessageContaining("phase 4");
    }

    @Test
    @DisplayName("R74 a new data key seals; records of the former one open until that is dropped, and name it")
    void dataKey_rotated() {
        ContextSealing rotated = alice.rotated();
        byte[] newer = rotated.seal("session", "bob.1", VALUE);

        assertThat(rotated.keyId()).isNotEqualTo(alice.keyId());
        assertThat(rotated.keyIdOf("session", "bob.1", record)).isEqualTo(alice.keyId());
        assertThat(rotated.keyIdOf("session", "bob.1", newer)).isEqualTo(rotated.keyId());
        assertThat(rotated.open("session", "bob.1", record)).isEqualTo(VALUE);
        alice.close();
        ContextSealing stored = store.openContext("alice", store.sealKeys("alice", rotated));
        assertThat(stored.keyId()).isEqualTo(rotated.keyId());
        assertThat(stored.open("session", "bob.1", record)).isEqualTo(VALUE);

        assertThat(stored.formerKeys()).isOne();

        ContextSealing retired = store.openContext("alice", store.sealKeys("alice", stored.withoutFormerKeys()));

        assertThat(retired.formerKeys()).isZero();

        assertThat(retired.open("session", "bob.1", newer)).isEqualTo(VALUE);
        assertThatThrownBy(() -> retired.open("session", "bob.1", record))
                .isInstanceOfSatisfying(
                        EntryKeyMissingException.class,
                        e -> assertThat(e.keyId()).isEqualTo(alice.keyId()));
    }

    @Test
    @DisplayName("R74 a context has at most as many keys as a ring holds")
    void dataKeys_limit() {
        KeyRing ring = KeyRing.random(new SecureRandom());
        for (int i = 1; i < KeyRing.MAXIMUM_KEYS; i++) {
            ring = ring.rotated(new SecureRandom());
        }
        KeyRing full = KeyRing.decode(ring.encode());
        assertThat(full).hasToString(ring.toString());
        assertThatThrownBy(() -> full.rotated(new SecureRandom())).isInstanceOf(IllegalStateException.class);
    }

    @Test
    @DisplayName("R73 without the keys of an erased context, no record opens, not even with the root key")
    void erased() {
        ContextSealing created = encryption.open(mark).createContext("alice");
        assertThatThrownBy(() -> created.open("session", "bob.1", record)).isInstanceOf(EntryKeyMissingException.class);
    }
}
