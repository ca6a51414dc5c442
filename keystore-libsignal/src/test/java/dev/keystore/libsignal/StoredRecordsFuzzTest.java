package dev.keystore.libsignal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.Codec;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.SignalProtocolAddress;

@DisplayName("R43 R45 Damaged records")
class StoredRecordsFuzzTest {

    @Test
    @DisplayName("are refused with IllegalArgumentException, or decode to what encodes to the same bytes")
    void decode_damaged_isRefusedOrEqual() {
        PreKeyLog log = new PreKeyLog(
                7, 7, List.of(new PreKeyLog.HandedOut(9, 2, 1_000)), List.of(new PreKeyLog.Replaced(3, 1_000)));
        StoredMessage message = new StoredMessage(
                "",
                new SignalProtocolAddress("bob", 2),
                3,
                new byte[] {1, 2, 3},
                Instant.EPOCH,
                IdentityStatus.UNCHANGED);

        damage(PreKeyLog.TYPE.codec(), log);
        damage(PreKeyLog.TYPE.codec(), new PreKeyLog(7, 8, log.handedOut(), log.replaced()));
        damage(StoredMessage.CODEC, message);
        damage(
                StoredMessage.CODEC,
                new StoredMessage(
                        "",
                        message.remote(),
                        3,
                        message.body(),
                        Instant.EPOCH.plusNanos(999_999),
                        IdentityStatus.CHANGED));
        damage(SessionStarts.TYPE.codec(), Instant.ofEpochMilli(1_000));
    }

    private static <V> void damage(Codec<V> codec, V value) {
        byte[] good = codec.encode(value);
        assertThat(codec.encode(codec.decode(good))).isEqualTo(good);
        Random random = new Random(18);
        for (int i = 0; i < 2_000; i++) {
            byte[] bytes = Arrays.copyOf(good, random.nextInt(good.length + 4));
            for (int flips = random.nextInt(3); flips > 0 && bytes.length > 0; flips--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            V decoded;
            try {
                decoded = codec.decode(bytes);
            } catch (IllegalArgumentException e) {
                continue;
            }
            assertThat(codec.encode(decoded)).isEqualTo(bytes);
        }
    }
}
