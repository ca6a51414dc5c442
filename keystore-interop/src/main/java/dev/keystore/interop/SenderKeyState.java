package dev.keystore.interop;

import java.util.List;

/**
 * One state of the sender key of a member of a group, in no client's form.
 *
 * @param keyId its id
 * @param next the key of the next message
 * @param publicKey the public key of its signatures, with its type
 * @param privateKey the private key of its signatures; empty if it is the key of another member
 * @param skipped the keys of messages that were skipped, oldest first
 */
record SenderKeyState(long keyId, MessageSeed next, byte[] publicKey, byte[] privateKey, List<MessageSeed> skipped) {

    /** The most skipped keys that a state keeps. */
    static final int MAXIMUM_SKIPPED = 2_000;

    /**
     * The key of one message.
     *
     * @param iteration the number of the message
     * @param seed what the key is derived from
     */
    record MessageSeed(long iteration, byte[] seed) {

        private void check() throws DamagedException {
            if (iteration < 0 || iteration > SessionState.MAXIMUM_UNSIGNED) {
                throw new DamagedException("a number in it is out of range");
            }
            if (seed.length != Curve.KEY_BYTES) {
                throw new DamagedException("a seed in it has " + seed.length + " bytes in place of 32");
            }
        }
    }

    /** Returns the newest of the skipped keys, as many as a state may keep. */
    List<MessageSeed> newestSkipped() {
        return skipped.subList(Math.max(0, skipped.size() - MAXIMUM_SKIPPED), skipped.size());
    }

    /** Checks what clients do not: they load records that they cannot use. */
    void check() throws DamagedException {
        if (keyId < 0 || keyId > SessionState.MAXIMUM_UNSIGNED) {
            throw new DamagedException("an id in it is out of range");
        }
        next.check();
        Curve.checkTyped(publicKey);
        if (privateKey.length > 0) {
            Curve.checkPair(publicKey, privateKey);
        }
        for (MessageSeed key : skipped) {
            key.check();
            if (key.iteration() >= next.iteration()) {
                throw new DamagedException("a skipped message key in it does not belong to its chain");
            }
        }
    }
}
