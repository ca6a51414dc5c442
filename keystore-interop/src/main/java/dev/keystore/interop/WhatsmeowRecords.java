package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;

/**
 * Checks sessions and sender keys that whatsmeow has serialized as JSON, which are kept as they are.
 *
 * <p>Fields that are not known are left alone: a newer whatsmeow may have added them.
 */
final class WhatsmeowRecords {

    private static final long VERSION = 3;
    private static final int IV_BYTES = 16;

    private WhatsmeowRecords() {}

    /** Checks a session, which holds an open state, or former ones. */
    static void checkSession(byte[] record) throws DamagedException {
        JsonFields fields = new JsonFields(StrictJson.read(record));
        JsonNode open = fields.take("SessionState");
        JsonNode previous = WhatsmeowSessionForm.list(fields.find("PreviousStates"));
        if (!WhatsmeowSessionForm.isUnused(open)) {
            checkState(new JsonFields(open));
        } else if (previous.isEmpty()) {
            throw new DamagedException("it holds no session");
        }
        for (JsonNode state : previous) {
            checkState(new JsonFields(state));
        }
    }

    private static void checkState(JsonFields state) throws DamagedException {
        long version = state.number("SessionVersion", 0, Integer.MAX_VALUE);
        if (version != VERSION) {
            throw new DamagedException("it holds a session of version " + version + "; known is 3");
        }
        Curve.checkTyped(state.bytes("LocalIdentityPublic"));
        Curve.checkTyped(state.bytes("RemoteIdentityPublic"));
        Curve.checkTyped(state.bytes("SenderBaseKey"));
        state.bytes("RootKey", Curve.KEY_BYTES);
        unsigned(state, "LocalRegistrationID");
        unsigned(state, "RemoteRegistrationID");
        unsigned(state, "PreviousCounter");
        JsonFields sender = state.object("SenderChain");
        checkChain(sender);
        Curve.checkPair(sender.bytes("SenderRatchetKeyPublic"), sender.bytes("SenderRatchetKeyPrivate"));
        for (JsonNode chain : WhatsmeowSessionForm.list(state.find("ReceiverChains"))) {
            checkChain(new JsonFields(chain));
        }
        if (state.find("PendingPreKey") != null) {
            JsonFields pending = state.object("PendingPreKey");
            Curve.checkTyped(pending.bytes("BaseKey"));
            unsigned(pending, "SignedPreKeyID");
        }
    }

    private static void checkChain(JsonFields chain) throws DamagedException {
        Curve.checkTyped(chain.bytes("SenderRatchetKeyPublic"));
        JsonFields chainKey = chain.object("ChainKey");
        chainKey.bytes("Key", Curve.KEY_BYTES);
        long next = unsigned(chainKey, "Index");
        for (JsonNode each : WhatsmeowSessionForm.list(chain.find("MessageKeys"))) {
            JsonFields key = new JsonFields(each);
            key.bytes("CipherKey", Curve.KEY_BYTES);
            key.bytes("MacKey", Curve.KEY_BYTES);
            key.bytes("IV", IV_BYTES);
            checkSkipped(unsigned(key, "Index"), next);
        }
    }

    /** Checks a sender key, which holds one state or several. */
    static void checkSenderKey(byte[] record) throws DamagedException {
        JsonNode states = WhatsmeowSessionForm.list(new JsonFields(StrictJson.read(record)).take("SenderKeyStates"));
        if (states.isEmpty()) {
            throw new DamagedException("it holds no sender key");
        }
        for (JsonNode each : states) {
            JsonFields state = new JsonFields(each);
            unsigned(state, "KeyID");
            JsonFields chainKey = state.object("SenderChainKey");
            chainKey.bytes("ChainKey", Curve.KEY_BYTES);
            long next = unsigned(chainKey, "Iteration");
            byte[] publicKey = state.bytes("SigningKeyPublic");
            Curve.checkTyped(publicKey);
            byte[] privateKey = signingKey(state);
            if (privateKey.length > 0) {
                Curve.checkPair(publicKey, privateKey);
            }
            for (JsonNode key : WhatsmeowSessionForm.list(state.find("Keys"))) {
                JsonFields skipped = new JsonFields(key);
                skipped.bytes("Seed", Curve.KEY_BYTES);
                skipped.bytes("CipherKey", Curve.KEY_BYTES);
                skipped.bytes("IV", IV_BYTES);
                checkSkipped(unsigned(skipped, "Iteration"), next);
            }
        }
    }

    /** Returns the private signing key: empty for that of another member, which is null, or zeros once it was read. */
    static byte[] signingKey(JsonFields state) throws DamagedException {
        byte[] key = state.find("SigningKeyPrivate") == null ? new byte[0] : state.bytes("SigningKeyPrivate");
        return Arrays.equals(key, new byte[Curve.KEY_BYTES]) ? new byte[0] : key;
    }

    private static void checkSkipped(long index, long next) throws DamagedException {
        if (index >= next) {
            throw new DamagedException("a skipped message key in it does not belong to its chain");
        }
    }

    private static long unsigned(JsonFields fields, String name) throws DamagedException {
        return fields.number(name, 0, SessionState.MAXIMUM_UNSIGNED);
    }
}
