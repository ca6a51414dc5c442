package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.EntryKeyMissingException;
import dev.keystore.TamperedEntryException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.StoreSealing;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Records: what opens, and what an attacker with write access or chance makes of them. */
@Timeout(600)
class RecordTest {

    private static final byte[] VALUE = "the ratchet".getBytes(UTF_8);
    private static final int OVERHEAD = 55;

    private final MemoryKey root = new MemoryKey();
    private final StoreSealing store = Encryption.with(root).open(null);
    private final ContextSealing alice = store.createContext("alice");
    private final byte[] record = alice.seal("session", "bob.1", VALUE);

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 15, 16, 17, 255, 4_096, 1_048_576})
    @DisplayName("R70 a value of any size opens to the same bytes, and its record contains none of them")
    void roundTrip(int length) {
        byte[] value = new byte[length];
        new SplittableRandom(length).nextBytes(value);
        byte[] original = value.clone();

        byte[] sealed = alice.seal("session", "bob.1", value);

        assertThat(value).isEqualTo(original);
        assertThat(sealed).hasSize(length + OVERHEAD);
        assertThat(alice.open("session", "bob.1", sealed)).isEqualTo(original);
        if (length >= 15) {
            assertThat(new String(sealed, ISO_8859_1)).doesNotContain(new String(value, 0, 8, ISO_8859_1));
        }
    }

    @Test
    @DisplayName("R70 a value that is sealed twice has two nonces and two ciphertexts")
    void twice_differs() {
        Set<ByteBuffer> nonces = new HashSet<>();
        IntStream.range(0, 1_000)
                .forEach(i ->
                        nonces.add(ByteBuffer.wrap(Arrays.copyOfRange(alice.seal("session", "bob.1", VALUE), 10, 34))));

        assertThat(nonces).hasSize(1_000);
    }

    @Test
    @DisplayName(
            "R71 a record with any one bit flipped is refused as damaged; its checksum corrected, as tampered with")
    void everyBit() {
        for (int bit = 0; bit < 8 * record.length; bit++) {
            byte[] damaged = record.clone();
            damaged[bit / 8] ^= (byte) (1 << bit % 8);
            assertThatThrownBy(() -> alice.open("session", "bob.1", damaged))
                    .as("bit %s", bit)
                    .isInstanceOf(CorruptEntryException.class);

            byte[] forged = corrected(damaged);
            Throwable refusal = catchThrowable(() -> alice.open("session", "bob.1", forged));
            int position = bit / 8;
            if (position >= record.length - 4) {
                assertThat(refusal).as("bit %s of the checksum, corrected", bit).isNull();
            } else if (position < 2) {
                assertThat(refusal).as("bit %s of version and suite", bit).isInstanceOf(CorruptEntryException.class);
            } else if (position < 10) {
                assertThat(refusal).as("bit %s of the key id", bit).isInstanceOf(EntryKeyMissingException.class);
            } else {
                assertThat(refusal).as("bit %s", bit).isInstanceOf(TamperedEntryException.class);
            }
        }
    }

    @Test
    @DisplayName("R71 a record cut short at any length is refused")
    void cut() {
        for (int length = 0; length < record.length; length++) {
            byte[] shorter = Arrays.copyOf(record, length);
            assertThatThrownBy(() -> alice.open("session", "bob.1", shorter)).isInstanceOf(CorruptEntryException.class);
            if (length >= OVERHEAD) {
                assertThatThrownBy(() -> alice.open("session", "bob.1", corrected(shorter)))
                        .isInstanceOf(TamperedEntryException.class);
            }
        }
    }

    @Test
    @DisplayName("R71 a record that is moved to another id, type or context, or split differently, is tampered with")
    void moved() {
        assertTampered(alice, "session", "bob.2", record);
        assertTampered(alice, "identity-key", "bob.1", record);
        assertTampered(alice, "sessionb", "ob.1", record);
    }

    @Test
    @DisplayName("R71 under one key, a record opens at its place only: store, context, type, id and purpose")
    void places() throws Exception {
        byte[] one = new byte[16];
        byte[] two = new byte[16];
        two[15] = 1;
        List<Binding> places = List.of(
                Binding.ofValue(one, "alice", "session", "bob.1"),
                Binding.ofValue(two, "alice", "session", "bob.1"),
                Binding.ofValue(one, "bob", "session", "bob.1"),
                Binding.ofValue(one, "alic", "esession", "bob.1"),
                Binding.ofValue(one, "alice", "sessionb", "ob.1"),
                Binding.ofValue(one, "alice", "session", "bob.2"),
                Binding.ofContextKeys(one, "alice", false),
                Binding.ofContextKeys(one, "alice", true),
                Binding.ofContextKeys(two, "alice", false),
                Binding.ofContextKeys(one, "bob", false),
                Binding.ofStoreKeys(one),
                Binding.ofStoreKeys(two));
        KeyRing ring = KeyRing.random(new SecureRandom());
        for (Binding sealedFor : places) {
            byte[] sealed = SealedRecord.seal(ring.newest(), sealedFor, VALUE, new SecureRandom());
            for (Binding openedAt : places) {
                if (openedAt == sealedFor) {
                    assertThat(SealedRecord.open(ring, openedAt, sealed)).isEqualTo(VALUE);
                } else {
                    assertThatThrownBy(() -> SealedRecord.open(ring, openedAt, sealed))
                            .isInstanceOfSatisfying(
                                    RecordRefusedException.class,
                                    e -> assertThat(e.reason()).isEqualTo(RecordRefusedException.Reason.TAMPERED));
                }
            }
        }
    }

    @Test
    @DisplayName("R71 two records of one context that are swapped are both tampered with")
    void swapped() {
        byte[] other = alice.seal("session", "carol.1", "another".getBytes(UTF_8));
        assertTampered(alice, "session", "bob.1", other);
        assertTampered(alice, "session", "carol.1", record);
    }

    @Test
    @DisplayName("R71 a record of another context or store has a key that is missing")
    void foreign() {
        ContextSealing bob = store.createContext("bob");
        assertThatThrownBy(() -> bob.open("session", "bob.1", record))
                .isInstanceOfSatisfying(EntryKeyMissingException.class, e -> {
                    assertThat(e.keyId()).isEqualTo(alice.keyId());
                    assertThat(e.context()).isEqualTo("bob");
                    assertThat(e.entry()).isEqualTo(new EntryId("session", "bob.1"));
                })
                .hasMessage("Entry session/bob.1 of context \"bob\" needs key " + alice.keyId()
                        + ", which its context does not hold: the context was erased, or its keys were lost; delete"
                        + " the entry if you do not need its value");
        ContextSealing alias = Encryption.with(root).open(null).createContext("alice");
        assertThatThrownBy(() -> alias.open("session", "bob.1", record)).isInstanceOf(EntryKeyMissingException.class);
    }

    @Test
    @DisplayName("R71 a record that claims the key id of another context's record is tampered with")
    void foreignKeyId() {
        ContextSealing bob = store.createContext("bob");
        byte[] forged = record.clone();
        System.arraycopy(bob.seal("session", "bob.1", VALUE), 2, forged, 2, 8);

        assertTampered(bob, "session", "bob.1", corrected(forged));
    }

    @Test
    @DisplayName("R71 keys of a context that are moved to another context or store are refused")
    void movedKeys() {
        byte[] keys = store.sealKeys("alice", alice);
        assertThatThrownBy(() -> store.openContext("bob", keys))
                .isInstanceOfSatisfying(
                        TamperedEntryException.class, e -> assertThat(e.entry()).isEqualTo(StoreSealing.KEYS));
        StoreSealing other = Encryption.with(root).open(null);
        assertThatThrownBy(() -> other.openContext("alice", keys)).isInstanceOf(EntryKeyMissingException.class);
    }

    @Test
    @DisplayName("R71 keys of a context with any one bit flipped are refused")
    void everyBitOfKeys() {
        byte[] keys = store.sealKeys("alice", alice);
        for (int bit = 0; bit < 8 * keys.length; bit++) {
            byte[] changed = keys.clone();
            changed[bit / 8] ^= (byte) (1 << bit % 8);
            assertThatThrownBy(() -> store.openContext("alice", changed))
                    .as("bit %s", bit)
                    .isInstanceOf(CorruptEntryException.class);
            if (bit / 8 < keys.length - 4) {
                assertThatThrownBy(() -> store.openContext("alice", corrected(changed)))
                        .as("bit %s, corrected", bit)
                        .isInstanceOf(UnreadableEntryException.class);
            }
        }
    }

    @Test
    @DisplayName("R72 a plaintext record in an encrypted store is tampered with, and so are plaintext keys")
    void plaintext() {
        byte[] plain = ByteBuffer.allocate(64).put((byte) 1).put(VALUE).array();
        assertTampered(alice, "session", "bob.1", plain);
        assertTampered(alice, "session", "bob.1", new byte[] {1});
        assertThatThrownBy(() -> store.openContext("alice", plain)).isInstanceOf(TamperedEntryException.class);
        assertThatThrownBy(() -> alice.keyIdOf("session", "bob.1", plain)).isInstanceOf(TamperedEntryException.class);
        assertThat(record[0])
                .as("refused by the plain envelope, whose version is 1")
                .isEqualTo((byte) 2);
    }

    @Test
    @DisplayName("R71 an old record that is replayed in its place opens: freshness is not promised")
    void replayed() {
        alice.seal("session", "bob.1", "newer".getBytes(UTF_8));
        assertThat(alice.open("session", "bob.1", record)).isEqualTo(VALUE);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 16, 256, 1_000, 65_536})
    @DisplayName("R70 with padding, the size of a record shows only in steps, and opening needs no step")
    void padding(int step) {
        StoreSealing padded = Encryption.with(root).padding(step).open(store.mark());
        ContextSealing context = padded.openContext("alice", store.sealKeys("alice", alice));
        for (int length : new int[] {0, 1, step - 1, step, step + 1, 5 * step}) {
            byte[] value = new byte[length];
            byte[] sealed = context.seal("session", "x", value);
            assertThat(sealed.length).isEqualTo(OVERHEAD - 1 + (length / step + 1) * step);
            assertThat(context.open("session", "x", sealed)).isEqualTo(value);
            assertThat(alice.open("session", "x", sealed)).isEqualTo(value);
        }
        assertThat(context.open("session", "bob.1", record)).isEqualTo(VALUE);
    }

    @Test
    @DisplayName("R71 records with random changes never open, and the exception is a documented one")
    void fuzz() {
        fuzz(1, 50_000);
    }

    @Test
    @Tag("long")
    @DisplayName("R71 records with random changes never open, 5 million times")
    void fuzzLong() {
        fuzz(1_000_001, 5_000_000);
    }

    /** To replay one input: {@code -Dkeystore.fuzz.first=n -Dkeystore.fuzz.count=1}. */
    private void fuzz(long first, int count) {
        long from = Long.getLong("keystore.fuzz.first", first);
        TreeMap<String, Integer> refusals = new TreeMap<>();
        for (long seed = from; seed < from + Integer.getInteger("keystore.fuzz.count", count); seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            byte[] value = new byte[random.nextInt(64)];
            random.nextBytes(value);
            byte[] sealed = alice.seal("session", "x", value);
            byte[] changed = mutated(sealed, random);
            boolean correct = random.nextBoolean() && changed.length >= 4;
            byte[] input = correct ? corrected(changed) : changed;
            if (Arrays.equals(input, sealed)) {
                continue;
            }
            Throwable refusal = catchThrowable(() -> alice.open("session", "x", input));
            assertThat(refusal).as("seed %s", seed).isInstanceOf(UnreadableEntryException.class);
            refusals.merge(refusal.getClass().getSimpleName(), 1, Integer::sum);
        }
        System.out.println("RecordTest.fuzz from seed " + from + ": " + refusals);
    }

    private static byte[] mutated(byte[] record, SplittableRandom random) {
        byte[] changed = record.clone();
        switch (random.nextInt(4)) {
            case 0 -> changed = Arrays.copyOf(record, random.nextInt(record.length + 20));
            case 1 -> random.nextBytes(changed);
            case 2 -> {
                int from = random.nextInt(record.length);
                for (int i = from; i < Math.min(record.length, from + 8); i++) {
                    changed[i] = (byte) random.nextInt();
                }
            }
            default -> changed[random.nextInt(record.length)] ^= (byte) (1 << random.nextInt(8));
        }
        return changed;
    }

    private static void assertTampered(ContextSealing context, String type, String id, byte[] record) {
        assertThatThrownBy(() -> context.open(type, id, record))
                .isInstanceOfSatisfying(
                        TamperedEntryException.class, e -> assertThat(e.entry()).isEqualTo(new EntryId(type, id)));
    }

    /** Returns the bytes with the checksum that they should have. */
    static byte[] corrected(byte[] record) {
        byte[] corrected = record.clone();
        ByteBuffer.wrap(corrected).putInt(record.length - 4, SealedRecord.checksum(record));
        return corrected;
    }
}
