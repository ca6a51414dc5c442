package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class RecordCiphersTest {

    private static final int THREADS = 16;
    private static final int RECORDS = 2_000;
    private static final byte[] VALUE = "a value".getBytes(UTF_8);
    private static final Binding PLACE = Binding.ofValue(new byte[16], "alice", "session", "bob.1");

    private final SecureRandom random = new SecureRandom();
    private final RecordCiphers ciphers = new RecordCiphers(random);
    private final List<KeyRing> rings = List.of(KeyRing.random(random), KeyRing.random(random), KeyRing.random(random));

    private byte[] seal(KeyRing ring) {
        return ciphers.apply(ring.newest(), cipher -> SealedRecord.seal(cipher, PLACE, VALUE));
    }

    @Test
    @DisplayName("R70 threads that seal with the keys of several contexts repeat no nonce, and limit each derived key")
    void nonces() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        List<byte[]> records = new ArrayList<>();
        try {
            List<Callable<List<byte[]>>> work = IntStream.range(0, THREADS)
                    .<Callable<List<byte[]>>>mapToObj(thread -> () -> IntStream.range(0, RECORDS)
                            .mapToObj(i -> seal(rings.get((thread + i / 3) % rings.size())))
                            .toList())
                    .toList();
            for (Future<List<byte[]>> sealed : threads.invokeAll(work)) {
                records.addAll(sealed.get());
            }
        } finally {
            threads.shutdown();
        }

        assertThat(records.stream().map(record -> part(record, 10, 26)).distinct())
                .as("derived keys with the number of the record")
                .hasSize(THREADS * RECORDS);
        assertThat(records.stream()
                        .collect(Collectors.groupingBy(record -> part(record, 10, 22), Collectors.counting()))
                        .values())
                .as("records of each derived key")
                .allSatisfy(count -> assertThat(count).isBetween(1L, (long) RecordCipher.MAXIMUM_RECORDS))
                .hasSizeLessThan(THREADS * RECORDS / 10);
        for (byte[] record : records) {
            KeyRing ring = rings.stream()
                    .filter(candidate -> candidate.newest().id() == keyId(record))
                    .findFirst()
                    .orElseThrow();
            assertThat(SealedRecord.open(ring, PLACE, record)).isEqualTo(VALUE);
        }
    }

    private static ByteBuffer part(byte[] record, int from, int to) {
        return ByteBuffer.wrap(Arrays.copyOfRange(record, from, to));
    }

    private static long keyId(byte[] record) {
        return ByteBuffer.wrap(record).getLong(2);
    }

    @Test
    @DisplayName("R76 the derived keys of a context are overwritten when it is closed, and all of them with the store")
    void overwritten() {
        RecordCipher first = cipherOf(rings.get(0));
        RecordCipher second = cipherOf(rings.get(1));
        RecordCipher third = cipherOf(rings.get(2));

        ciphers.forget(rings.get(0).newest());
        assertOverwritten(first);
        assertThat(SealedRecord.seal(second, PLACE, VALUE)).isNotEmpty();

        ciphers.close();
        assertOverwritten(second);
        assertOverwritten(third);
    }

    @Test
    @DisplayName("R76 a cipher in use while its context or store is closed is overwritten after its use")
    void overwrittenAfterUse() {
        RecordCipher used = ciphers.apply(rings.get(0).newest(), cipher -> {
            rings.get(0).close();
            ciphers.forget(rings.get(0).newest());
            return cipher;
        });
        assertOverwritten(used);
        assertThatIllegalStateException().isThrownBy(() -> seal(rings.get(0)));

        assertOverwritten(ciphers.apply(rings.get(1).newest(), cipher -> {
            ciphers.close();
            return cipher;
        }));
    }

    private RecordCipher cipherOf(KeyRing ring) {
        AtomicReference<RecordCipher> found = new AtomicReference<>();
        ciphers.apply(ring.newest(), cipher -> {
            found.set(cipher);
            return SealedRecord.seal(cipher, PLACE, VALUE);
        });
        return Objects.requireNonNull(found.get());
    }

    private static void assertOverwritten(RecordCipher cipher) {
        assertThatIllegalStateException()
                .isThrownBy(() -> SealedRecord.seal(cipher, PLACE, VALUE))
                .withMessageContaining("has been overwritten");
    }
}
