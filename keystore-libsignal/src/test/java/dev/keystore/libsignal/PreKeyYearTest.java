package dev.keystore.libsignal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.testkit.MemoryBackend;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.ecc.ECKeyPair;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyRecord;

@DisplayName("The pre-keys of a busy account")
class PreKeyYearTest {

    private static final int DAYS = 365;
    private static final int HANDED_OUT_EACH_DAY = 30;
    private static final int LAST_RESORT_MESSAGES_EACH_DAY = 5;

    private static final List<KeyType<?>> TYPES = List.of(
            KeyTypes.PRE_KEY,
            KeyTypes.SIGNED_PRE_KEY,
            KeyTypes.KYBER_PRE_KEY,
            KyberPreKeys.ONE_TIME,
            UsedBaseKeys.TYPE,
            PreKeyLog.TYPE,
            PreKeyLog.REPLACED_UP_TO,
            PreKeyIds.LAST);

    private final TestClock clock = new TestClock();
    private final Random random = new Random(18);
    private final Deque<PreKeyRecord> server = new ArrayDeque<>();
    private final Deque<KyberPreKeyRecord> kyberServer = new ArrayDeque<>();
    private final TreeMap<String, Integer> largest = new TreeMap<>();
    private int handedOut;
    private int missing;
    private final Set<String> keysHandedOut = new HashSet<>();
    private final List<String> twice = new ArrayList<>();

    /**
     * Each day, 30 contacts fetch bundles, three of four of whom write, and five messages use the last-resort key. One
     * upload of ten fails, which the server says every second time, and one confirmation of ten is lost.
     */
    @Test
    @DisplayName(
            "do not grow without bound in a year, and none that the server hands out is missing, or handed out twice")
    void oneYear_staysBounded() throws Exception {
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(new MemoryBackend()).open()) {
            SignalKeyStore store = database.forContext("gateway");
            SignalAccount account = SignalAccount.create(
                    store, AccountOptions.builder().clock(clock).build());
            for (int day = 0; day < DAYS; day++) {
                upkeep(account);
                messages(account);
                count(store);
                clock.advance(Duration.ofDays(1));
            }
        }
        System.out.println("PreKeyYearTest: " + handedOut + " bundles, most entries at a time: " + largest);
        assertThat(missing).isZero();
        assertThat(twice).isEmpty();
        assertThat(handedOut).isGreaterThan(8_000);
        // A quarter of 30 a day is never used, for 90 days and the time until the next upload; 110 are on the server,
        // and
        // two or three uploads of 90 days fail without an answer.
        assertThat(largest.get("pre-key")).isBetween(700, 1_100);
        assertThat(largest.get("kyber-pre-key")).isBetween(700, 1_100);
        // Keys are current for 30 days and kept 30 days more, a few days late if an upload failed.
        assertThat(largest.get("signed-pre-key")).isBetween(2, 3);
        assertThat(largest.get("libsignal-used-base-key")).isBetween(200, 400);
        assertThat(largest.get("libsignal-uploaded-pre-keys")).isEqualTo(4);
        assertThat(largest.get("libsignal-replaced-pre-keys")).isEqualTo(2);
        assertThat(largest.get("bytes of libsignal-uploaded-pre-keys")).isLessThan(500);
        assertThat(largest.get("libsignal-last-key-id")).isEqualTo(3);
    }

    private void upkeep(SignalAccount account) {
        Optional<PreKeyUpload> upload = account.preKeys().replenish(server.size(), kyberServer.size());
        if (upload.isEmpty()) {
            return;
        }
        if (random.nextInt(10) == 0) {
            if (random.nextBoolean()) {
                account.uploadFailed(upload.get());
            }
            return;
        }
        replace(server, upload.get().preKeys());
        replace(kyberServer, upload.get().kyberPreKeys());
        if (random.nextInt(10) > 0) {
            account.confirmUpload(upload.get());
        }
    }

    /** Replaces what the server has of a kind, unless the upload has none of it, as Signal's server does. */
    private static <K> void replace(Deque<K> keys, List<K> uploaded) {
        if (!uploaded.isEmpty()) {
            keys.clear();
            keys.addAll(uploaded);
        }
    }

    private void messages(SignalAccount account) throws Exception {
        account.<Boolean, Exception>transaction(new SignalProtocolAddress("contacts", 1), (signal, tx) -> {
            int lastResort =
                    signal.kyberPreKeys(PreKeyKind.LAST_RESORT_KYBER).get(0).getId();
            int signed = signal.loadSignedPreKeys().get(0).getId();
            for (int i = 0; i < HANDED_OUT_EACH_DAY && !server.isEmpty() && !kyberServer.isEmpty(); i++) {
                int preKey = server.remove().getId();
                int kyberPreKey = kyberServer.remove().getId();
                handedOut++;
                Stream.of("pre-key " + preKey, "Kyber pre-key " + kyberPreKey)
                        .filter(key -> !keysHandedOut.add(key))
                        .forEach(twice::add);
                if (!signal.containsPreKey(preKey) || !signal.containsKyberPreKey(kyberPreKey)) {
                    missing++;
                } else if (random.nextInt(4) > 0) {
                    signal.removePreKey(preKey);
                    signal.markKyberPreKeyUsed(
                            kyberPreKey, signed, ECKeyPair.generate().getPublicKey());
                }
            }
            for (int i = 0; i < LAST_RESORT_MESSAGES_EACH_DAY; i++) {
                signal.markKyberPreKeyUsed(
                        lastResort, signed, ECKeyPair.generate().getPublicKey());
            }
            return true;
        });
    }

    private void count(SignalKeyStore store) {
        Map<String, Integer> sizes = new TreeMap<>();
        for (KeyType<?> type : TYPES) {
            try (Stream<String> ids = store.ids(type, "")) {
                sizes.put(type.name(), (int) ids.count());
            }
        }
        int bytes = Stream.of(PreKeyKind.values())
                .map(kind -> store.find(PreKeyLog.TYPE, kind.name()))
                .flatMap(Optional::stream)
                .map(log -> PreKeyLog.TYPE.codec().encode(log).length)
                .max(Integer::compare)
                .orElse(0);
        sizes.put("bytes of " + PreKeyLog.TYPE.name(), bytes);
        sizes.forEach((type, size) -> largest.merge(type, size, Math::max));
    }
}
