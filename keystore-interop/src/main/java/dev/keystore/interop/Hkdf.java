package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** HKDF with HMAC-SHA256 (RFC 5869) and a salt of zeros, as the Signal protocol derives keys. */
final class Hkdf {

    private static final int HASH_BYTES = 32;

    private Hkdf() {}

    static byte[] derive(byte[] secret, String info, int length) {
        byte[] pseudorandomKey = hmac(new byte[HASH_BYTES], secret);
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        byte[] block = new byte[0];
        for (byte counter = 1; output.size() < length; counter++) {
            block = hmac(pseudorandomKey, block, info.getBytes(UTF_8), new byte[] {counter});
            output.writeBytes(block);
        }
        return Arrays.copyOf(output.toByteArray(), length);
    }

    private static byte[] hmac(byte[] key, byte[]... message) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            for (byte[] part : message) {
                mac.update(part);
            }
            return mac.doFinal();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("HmacSHA256 is missing, although every Java platform must have it", e);
        }
    }
}
