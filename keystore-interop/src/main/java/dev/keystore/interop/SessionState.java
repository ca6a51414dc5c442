package dev.keystore.interop;

import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One session with a device, in no client's form. Public keys have their type in front.
 *
 * @param localIdentity our identity key
 * @param localRegistrationId our registration id
 * @param remoteIdentity the identity key of the device
 * @param remoteRegistrationId the registration id of the device
 * @param baseKey the base key of the party that started the session
 * @param rootKey the root key
 * @param previousCounter the index of the last message of our previous sending chain
 * @param sender the sending chain; null if there is none
 * @param receivers the receiving chains, oldest first
 * @param pending what our messages repeat until the device answers; null if it has answered
 */
record SessionState(
        byte[] localIdentity,
        long localRegistrationId,
        byte[] remoteIdentity,
        long remoteRegistrationId,
        byte[] baseKey,
        byte[] rootKey,
        long previousCounter,
        @Nullable Chain sender,
        List<Chain> receivers,
        @Nullable PendingPreKey pending) {

    static final long MAXIMUM_UNSIGNED = 0xffff_ffffL;

    /** The most message keys that a chain keeps. */
    static final int MAXIMUM_SKIPPED = 2_000;

    private static final SecureRandom RANDOM = new SecureRandom();

    /**
     * A chain of messages in one direction.
     *
     * @param publicKey the ratchet key
     * @param privateKey the private ratchet key of a sending chain; null in a receiving one
     * @param index the index of the next message
     * @param key the chain key; null if the chain is closed, so that only its message keys can be used
     * @param skipped the keys of messages that were skipped, oldest first
     */
    record Chain(
            byte[] publicKey,
            byte @Nullable [] privateKey,
            long index,
            byte @Nullable [] key,
            List<MessageKey> skipped) {

        /** Returns the newest of the skipped keys, as many as a chain may keep. */
        List<MessageKey> newestSkipped() {
            return skipped.subList(Math.max(0, skipped.size() - MAXIMUM_SKIPPED), skipped.size());
        }

        /**
         * Returns the key, or a random one if the chain is closed: libsignal does not use message keys of a chain
         * without one, and with a known one, such as zeros, anyone could forge messages of the chain.
         */
        byte[] keyOrRandom() {
            if (key != null) {
                return key;
            }
            byte[] random = new byte[Curve.KEY_BYTES];
            RANDOM.nextBytes(random);
            return random;
        }

        private void check() throws DamagedException {
            Curve.checkTyped(publicKey);
            checkUnsigned(index);
            if (key != null) {
                checkLength(key, "a chain key");
            }
            Set<Long> indexes = new HashSet<>();
            for (MessageKey each : skipped) {
                if (each.index() < 0 || each.index() >= index || !indexes.add(each.index())) {
                    throw new DamagedException("a skipped message key in it does not belong to its chain");
                }
            }
        }
    }

    /**
     * What our messages repeat until the device answers.
     *
     * @param preKeyId the id of its one-time pre-key; null if it had none
     * @param signedPreKeyId the id of its signed pre-key
     * @param seconds when the session was started, in seconds since 1970
     */
    record PendingPreKey(@Nullable Long preKeyId, long signedPreKeyId, long seconds) {}

    /** Checks what clients do not: they load records that they cannot use. */
    void check() throws DamagedException {
        Curve.checkTyped(localIdentity);
        Curve.checkTyped(remoteIdentity);
        Curve.checkTyped(baseKey);
        checkLength(rootKey, "its root key");
        checkUnsigned(localRegistrationId);
        checkUnsigned(remoteRegistrationId);
        checkUnsigned(previousCounter);
        if (sender == null) {
            throw new DamagedException("it has no sending chain, so that it cannot be continued");
        }
        if (sender.key() == null || sender.privateKey() == null) {
            throw new DamagedException("its sending chain has no key");
        }
        sender.check();
        Curve.checkPair(sender.publicKey(), sender.privateKey());
        Set<String> ratchetKeys = new HashSet<>();
        for (Chain receiver : receivers) {
            receiver.check();
            if (!ratchetKeys.add(Buffers.base64(receiver.publicKey()))) {
                throw new DamagedException("two chains in it have the same ratchet key");
            }
        }
        if (pending != null) {
            checkUnsigned(pending.preKeyId() == null ? 0 : pending.preKeyId());
            checkUnsigned(pending.signedPreKeyId());
        }
    }

    /** Returns this session without what must not be kept once it is closed. */
    SessionState closed() {
        return new SessionState(
                localIdentity,
                localRegistrationId,
                remoteIdentity,
                remoteRegistrationId,
                baseKey,
                rootKey,
                previousCounter,
                sender,
                receivers,
                null);
    }

    private static void checkLength(byte[] key, String what) throws DamagedException {
        if (key.length != Curve.KEY_BYTES) {
            throw new DamagedException(what + " in it has " + key.length + " bytes in place of 32");
        }
        if (Arrays.equals(key, new byte[Curve.KEY_BYTES])) {
            throw new DamagedException(what + " in it is zero, so that anyone could forge messages");
        }
    }

    private static void checkUnsigned(long number) throws DamagedException {
        if (number < 0 || number > MAXIMUM_UNSIGNED) {
            throw new DamagedException("a number in it is out of range");
        }
    }
}
