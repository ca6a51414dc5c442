package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.EntryKeyMissingException;
import dev.keystore.StoreOpenException;
import dev.keystore.TamperedEntryException;
import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.NameHiding;
import dev.keystore.spi.StoreSealing;
import dev.keystore.spi.StoreSealing.Phase;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Hidden names, the records that contain the true ones, and the marks of stores that hide names. */
class HiddenNamesTest {

    private static final byte[] VALUE = "the ratchet".getBytes(UTF_8);
    private static final EntryId BOB = new EntryId("session", "bob.1");

    private final MemoryKey root = new MemoryKey();
    private final Encryption encryption = Encryption.with(root).hidingNames();
    private final StoreSealing store = encryption.open(null);
    private final NameHiding names = store.names().orElseThrow();
    private final ContextSealing alice = store.createContext("alice");
    private final byte[] record = alice.seal("session", "bob.1", VALUE);

    private EntryId hidden(String context, EntryId entry) {
        return new EntryId(names.type(context, entry.type()), names.id(context, entry.type(), entry.id()));
    }

    @Test
    @DisplayName("R70 a hidden name is HMAC-SHA-256 of its kind and each part after its length, shortened to 128 bits")
    void code_isAsDocumented() throws Exception {
        byte[] key = new byte[32];
        Arrays.fill(key, (byte) 7);
        HiddenNames known = HiddenNames.of(key.clone());
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        ByteBuffer input = ByteBuffer.allocate(1 + 3 * 4 + 5 + 7 + 4);
        input.put((byte) 3);
        for (String part : List.of("alice", "session", "bob.")) {
            input.putInt(part.length()).put(part.getBytes(UTF_8));
        }
        byte[] code = Arrays.copyOf(mac.doFinal(input.array()), 16);

        String prefix = known.idPrefix("alice", "session", "bob.");

        assertThat(decoded(prefix)).isEqualTo(code);
        assertThat(known.context("alice")).isEqualTo(HiddenNames.of(key.clone()).context("alice"));
        assertThat(known.context("alice")).isNotEqualTo(names.context("alice"));
    }

    /** Returns the 128 bits of a code in base32. */
    private static byte[] decoded(String code) {
        byte[] bytes = new byte[17];
        for (int i = 0; i < code.length(); i++) {
            int value = "abcdefghijklmnopqrstuvwxyz234567".indexOf(code.charAt(i));
            for (int bit = 0; bit < 5; bit++) {
                int at = 5 * i + bit;
                bytes[at / 8] |= (byte) (((value >> (4 - bit)) & 1) << (7 - at % 8));
            }
        }
        assertThat(bytes[16]).as("bits behind the code").isZero();
        return Arrays.copyOf(bytes, 16);
    }

    @ParameterizedTest
    @CsvSource({"bob,26", "bob.1,52", "bob.,52", ".,52", "a.b.c.d,104", "a.b.c.d.e,130", "a.b.c.d.e.f.g,130"})
    @DisplayName("R70 hidden ids have a code for each of the first four components and one for the id")
    void id_length(String id, int length) {
        assertThat(names.id("alice", "session", id)).hasSize(length).matches("[a-z2-7]+");
    }

    @Test
    @DisplayName("R70 the longest ids have hidden ids of at most 255 characters")
    void id_longest_isBounded() {
        assertThat(names.id("c".repeat(1_024), "t", ".".repeat(1_024))).hasSize(130);
        assertThat(names.id("c", "t", "\ud83d\udd11".repeat(1_024))).hasSize(26);
        assertThat(names.context("\ud83d\udd11".repeat(1_024))).hasSize(26);
    }

    @Test
    @DisplayName("R70 the hidden prefix of whole components is one of exactly the ids that begin with them")
    void idPrefix_findsIds() {
        List<String> ids =
                List.of("bob", "bob.", "bob.1", "bob.12", "bob.1.2", "bo", "bobby.1", "bob..1", "", "Bob.1", ".bob.1");
        for (String prefix : List.of("bob.", "bob.1.", "bob..", ".", "bobby.")) {
            for (String id : ids) {
                assertThat(names.id("alice", "session", id).startsWith(names.idPrefix("alice", "session", prefix)))
                        .as("%s begins with %s", id, prefix)
                        .isEqualTo(id.startsWith(prefix));
            }
        }
    }

    @Test
    @DisplayName("R70 another prefix has the hidden prefix of its whole components, at most four")
    void idPrefix_partOfComponent_isThatOfWholeOnes() {
        String bob = names.idPrefix("alice", "session", "bob.");
        assertThat(bob).hasSize(26);
        assertThat(names.idPrefix("alice", "session", "bob.1")).isEqualTo(bob);
        assertThat(names.idPrefix("alice", "session", "bo")).isEmpty();
        assertThat(names.idPrefix("alice", "session", "")).isEmpty();
        String four = names.idPrefix("alice", "session", "a.b.c.d.");
        assertThat(names.idPrefix("alice", "session", "a.b.c.d.e.f")).isEqualTo(four);
        assertThat(names.id("alice", "session", "a.b.c.d.e.f.g")).startsWith(four);
    }

    @Test
    @DisplayName("R70 equal names in different contexts, types and positions have different hidden names")
    void names_ofDifferentPlaces_differ() {
        Set<String> codes = new HashSet<>();
        List<String> all = new ArrayList<>();
        for (String name : List.of("alice", "bob", "bob.", "x")) {
            all.add(names.context(name));
            for (String context : List.of("alice", "bob")) {
                all.add(names.type(context, name));
                for (String type : List.of("session", "bob")) {
                    all.add(names.id(context, type, name));
                }
            }
        }
        all.add(names.id("alice", "session", "x.1"));
        all.add(names.id("alice", "session", "y.1"));
        all.forEach(name -> {
            for (int at = 0; at < name.length(); at += HiddenNames.CODE_CHARACTERS) {
                assertThat(codes.add(name.substring(at, at + HiddenNames.CODE_CHARACTERS)))
                        .isTrue();
            }
        });
        assertThat(names.id("ab", "c", "d")).isNotEqualTo(names.id("a", "bc", "d"));
    }

    @Test
    @DisplayName("R70 hidden names stay the same for the life of the store: reopened, rotated, in each phase")
    void names_areConstant() {
        String context = names.context("alice");
        EntryId bob = hidden("alice", BOB);
        byte[] keys = store.sealKeys("alice", alice);
        Map<String, StoreSealing> others = Map.of(
                "reopened",
                Encryption.with(root).open(store.mark()),
                "reopened with the setting",
                encryption.open(store.mark()),
                "rotated",
                encryption.rotate(store.mark()),
                "of another phase",
                store.withPhase(Phase.ENCRYPTED));
        others.forEach((how, other) -> {
            NameHiding same = other.names().orElseThrow();
            assertThat(same.context("alice")).as(how).isEqualTo(context);
            assertThat(same.id("alice", "session", "bob.1")).as(how).isEqualTo(bob.id());
            assertThat(other.contextOf(context, keys)).as(how).isEqualTo("alice");
            assertThat(other.openContext("alice", keys).entryOf(bob, record))
                    .as(how)
                    .isEqualTo(BOB);
        });
        StoreSealing rotated = others.get("rotated");
        try (StoreSealing newest = rotated.withoutFormerKeys()) {
            assertThat(newest.names().orElseThrow().context("alice")).isEqualTo(context);
            assertThat(newest.contextOf(context, rotated.sealKeys("alice", alice)))
                    .isEqualTo("alice");
        }
        assertThat(encryption.open(null).names().orElseThrow().context("alice")).isNotEqualTo(context);
    }

    @Test
    @DisplayName("R70 a store that does not hide names is refused by encryption that does, and has none")
    void open_namesNotHidden_isRefused() {
        StoreSealing plain = Encryption.with(root).open(null);
        assertThat(plain.names()).isEmpty();
        assertThatThrownBy(() -> encryption.open(plain.mark()))
                .isExactlyInstanceOf(StoreOpenException.class)
                .hasMessageContaining("names in this store are not hidden")
                .hasMessageContaining("encryption.names");
        ContextSealing context = plain.createContext("alice");
        byte[] sealed = context.seal("session", "x", VALUE);
        assertThatThrownBy(() -> context.entryOf(BOB, sealed)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> plain.contextOf("alice", sealed)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    @DisplayName("R70 records and keys contain the true names, but show no part of them")
    void records_containNames() {
        byte[] keys = store.sealKeys("alice", alice);
        for (byte[] bytes : List.of(record, keys, store.mark())) {
            assertThat(new String(bytes, ISO_8859_1)).doesNotContain("bob", "session", "alice");
        }
        assertThat(alice.open("session", "bob.1", record)).isEqualTo(VALUE);
        assertThat(alice.entryOf(hidden("alice", BOB), record)).isEqualTo(BOB);
        assertThat(store.contextOf(names.context("alice"), keys)).isEqualTo("alice");
        EntryId odd = new EntryId("a-type", "\u0000 \ud83d\udd11.".repeat(200));
        byte[] sealed = alice.seal(odd.type(), odd.id(), new byte[0]);
        assertThat(alice.entryOf(hidden("alice", odd), sealed)).isEqualTo(odd);
        assertThat(alice.open(odd.type(), odd.id(), sealed)).isEmpty();
    }

    @Test
    @DisplayName("R70 the keys of contexts with names of up to 213 bytes have records of one size")
    void keys_sizeDoesNotShowTheName() {
        for (int step : new int[] {1, 100, 256}) {
            StoreSealing padded = encryption.padding(step).open(null);
            assertThat(List.of("", "a", "alice", "c".repeat(213), "ä".repeat(106)))
                    .allSatisfy(name -> assertThat(padded.sealKeys(name, padded.createContext(name)))
                            .hasSize(SealedRecord.OVERHEAD_BYTES + 256));
            byte[] longer = padded.sealKeys("c".repeat(214), padded.createContext("c".repeat(214)));
            assertThat(longer).hasSize(SealedRecord.OVERHEAD_BYTES + 512);
        }
        StoreSealing wide = encryption.padding(1_024).open(null);
        assertThat(wide.sealKeys("alice", wide.createContext("alice"))).hasSize(SealedRecord.OVERHEAD_BYTES + 1_024);
        StoreSealing plain = Encryption.with(root).padding(100).open(null);
        assertThat(plain.sealKeys("alice", plain.createContext("alice"))).hasSize(SealedRecord.OVERHEAD_BYTES + 100);
    }

    @ParameterizedTest
    @CsvSource({"true,1", "true,300", "false,1", "false,300"})
    @DisplayName("R73 keys whose record is padded or not are read, whatever is set now")
    void keys_paddedOrNot_areRead(boolean hidesNames, int step) {
        SecureRandom random = new SecureRandom();
        MarkKeys marked = MarkKeys.random(hidesNames, random);
        byte[] id = new byte[16];
        StoreKeys now = new StoreKeys(id, marked, step, random);
        StoreKeys other = new StoreKeys(id, marked, 301 - step, random);
        KeyRing ring = KeyRing.random(random);
        byte[] plaintext = hidesNames ? NamedValue.encode(ring.encode(), "alice") : ring.encode();
        Binding unpadded =
                hidesNames ? Binding.ofNamedContextKeys(id, false) : Binding.ofContextKeys(id, "alice", false);
        byte[] before = SealedRecord.seal(marked.ring().newest(), unpadded, plaintext, random);
        for (byte[] sealed : List.of(
                before, ContextKeysRecord.seal(now, "alice", ring), ContextKeysRecord.seal(other, "alice", ring))) {
            assertThat(ContextKeysRecord.open(now, "alice", sealed).encode()).isEqualTo(ring.encode());
            assertThatThrownBy(() -> ContextKeysRecord.open(now, "bob", sealed))
                    .isInstanceOf(TamperedEntryException.class);
            if (hidesNames) {
                String hidden = now.requireHiddenNames().context("alice");
                assertThat(ContextKeysRecord.contextOf(now, hidden, sealed)).isEqualTo("alice");
            }
        }
    }

    @Test
    @DisplayName("R71 a record is refused under another name, hidden or true, in another context, and in another store")
    void records_atOtherPlaces_areRefused() {
        for (EntryId other : List.of(new EntryId("session", "bob.2"), new EntryId("sessio", "bob.1"))) {
            assertThatThrownBy(() -> alice.open(other.type(), other.id(), record))
                    .isInstanceOfSatisfying(
                            TamperedEntryException.class,
                            e -> assertThat(e.entry()).isEqualTo(other));
            EntryId place = hidden("alice", other);
            assertThatThrownBy(() -> alice.entryOf(place, record))
                    .isInstanceOfSatisfying(
                            TamperedEntryException.class,
                            e -> assertThat(e.entry()).isEqualTo(place));
        }
        ContextSealing bob = store.openContext("alice", store.sealKeys("alice", alice));
        assertThat(bob.open("session", "bob.1", record)).isEqualTo(VALUE);
        ContextSealing other = store.createContext("bob");
        assertThatThrownBy(() -> other.entryOf(hidden("alice", BOB), record))
                .isInstanceOf(EntryKeyMissingException.class);
        byte[] damaged = record.clone();
        damaged[40] ^= 1;
        assertThatThrownBy(() -> alice.entryOf(hidden("alice", BOB), damaged))
                .isInstanceOf(CorruptEntryException.class);
        byte[] forged = RecordTest.corrected(damaged);
        assertThatThrownBy(() -> alice.entryOf(hidden("alice", BOB), forged))
                .isInstanceOf(TamperedEntryException.class);
    }

    @Test
    @DisplayName("R71 the keys of a context are refused as those of another one, true or hidden")
    void keys_atOtherPlaces_areRefused() {
        byte[] keys = store.sealKeys("alice", alice);
        assertThatThrownBy(() -> store.openContext("bob", keys)).isInstanceOf(TamperedEntryException.class);
        String bob = names.context("bob");
        assertThatThrownBy(() -> store.contextOf(bob, keys))
                .isInstanceOfSatisfying(
                        TamperedEntryException.class,
                        e -> assertThat(e.context()).isEqualTo(bob));
        assertThatThrownBy(() -> store.contextOf(names.context("alice"), record))
                .isInstanceOf(EntryKeyMissingException.class);
        assertThatThrownBy(() -> encryption.open(null).contextOf(names.context("alice"), keys))
                .isInstanceOf(EntryKeyMissingException.class);
    }

    @Test
    @DisplayName("R72 whether names are hidden is authenticated: a mark with any one bit flipped is refused")
    void mark_everyBit() {
        StoreMarkTest.everyBit(encryption, store.mark());
    }

    @Test
    @DisplayName("R76 the key of hidden names is overwritten when the store is closed")
    void close_overwritesTheKey() {
        List<byte[]> held = KeySecrecyTest.keyBytes(store);
        assertThat(held).hasSize(2);
        store.close();
        assertThat(held).allMatch(KeySecrecyTest::isZero);
        assertThatThrownBy(() -> names.context("alice")).isInstanceOf(IllegalStateException.class);
    }

    @Test
    @DisplayName("R70 the property encryption.names hides names, and accepts no other value")
    void property() {
        Map<String, String> key = Map.of("encryption.key", "key-file:/a");
        assertThat(sealing(key, "hidden")).contains("hiding names");
        assertThat(sealing(key, "plain")).doesNotContain("hiding names");
        assertThatThrownBy(() -> sealing(key, "Hidden"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("Property encryption.names must be hidden or plain");
    }

    private static String sealing(Map<String, String> key, String names) {
        Map<String, String> properties = new HashMap<>(key);
        properties.put("encryption.names", names);
        return new EncryptionProperties().sealing(properties).orElseThrow().toString();
    }
}
