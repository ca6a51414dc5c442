package dev.keystore.encryption;

import java.util.Arrays;

/**
 * Padding of values before they are encrypted: a byte 0x80, then zeros up to a multiple of a step (ISO/IEC 7816-4).
 *
 * <p>Values are padded with a step of one byte too, so that the step can be changed at any time: removing the padding
 * does not depend on it.
 */
final class Padding {

    static final int MAXIMUM_STEP_BYTES = 65_536;

    private static final byte MARKER = (byte) 0x80;

    private Padding() {}

    /** Returns how many bytes a value of this length has with its padding. */
    static int paddedLength(int length, int stepBytes) {
        return Math.multiplyExact(length / stepBytes + 1, stepBytes);
    }

    /** Begins the padding at an index; all bytes of it are zero. */
    static void begin(byte[] padded, int index) {
        padded[index] = MARKER;
    }

    /**
     * Returns the value. The padding is authenticated, so nothing can be learned from a refusal.
     *
     * @throws IllegalArgumentException if it is not padded
     */
    static byte[] remove(byte[] padded) {
        int end = padded.length - 1;
        while (end >= 0 && padded[end] == 0) {
            end--;
        }
        if (end < 0 || padded[end] != MARKER) {
            throw new IllegalArgumentException("the value is not padded");
        }
        return Arrays.copyOf(padded, end);
    }
}
