package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** Messages of version 3 that a test encrypts by itself: as libsignal-node writes them, or forged. */
final class Whisper {

    private static final byte VERSION = 0x33;
    private static final int MAC_BYTES = 8;

    private Whisper() {}

    /** Encrypts with the key of one message, of which the seed is given. */
    static byte[] message(byte[] seed, byte[] ratchetKey, int index, byte[] sender, byte[] receiver, String text)
            throws Exception {
        MessageKey key = MessageKey.ofSeed(index, seed);
        Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding");
        cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key.cipherKey(), "AES"), new IvParameterSpec(key.iv()));
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        message.write(VERSION);
        Protobuf.bytes(message, 1, ratchetKey);
        Protobuf.number(message, 2, index);
        Protobuf.number(message, 3, 0);
        Protobuf.bytes(message, 4, cipher.doFinal(text.getBytes(UTF_8)));
        byte[] mac = hmac(key.macKey(), sender, receiver, message.toByteArray());
        message.writeBytes(Arrays.copyOf(mac, MAC_BYTES));
        return message.toByteArray();
    }

    /**
     * Returns a message that libsignal-client has written, as peers of version 3 accept it: the byte of the version and
     * the MAC are other ones.
     *
     * @param before the session from before it was encrypted
     */
    static byte[] downConverted(byte[] message, byte[] before) throws Exception {
        SessionState session = LibsignalSessionForm.read(before).open();
        MessageKey key = MessageKey.ofSeed(
                session.sender().index(), seed(session.sender().key()));
        byte[] converted = Arrays.copyOf(message, message.length - MAC_BYTES);
        converted[0] = VERSION;
        byte[] mac = hmac(key.macKey(), session.localIdentity(), session.remoteIdentity(), converted);
        byte[] whole = Arrays.copyOf(converted, message.length);
        System.arraycopy(mac, 0, whole, converted.length, MAC_BYTES);
        return whole;
    }

    /** Returns the seed of the next message of a chain. */
    static byte[] seed(byte[] chainKey) throws Exception {
        return hmac(chainKey, new byte[] {1});
    }

    private static byte[] hmac(byte[] key, byte[]... parts) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        for (byte[] part : parts) {
            mac.update(part);
        }
        return mac.doFinal();
    }
}
