package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.interop.SessionState.Chain;
import dev.keystore.interop.SessionState.PendingPreKey;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sessions in the form of whatsmeow: JSON of the structures of libsignal in Go.
 *
 * <p>Message keys stand there as what is derived from their seeds, so that the seeds are lost. It does not record when
 * a session was started.
 */
final class WhatsmeowSessionForm {

    private static final long VERSION = 3;
    private static final long MILLIS = 1_000;

    private WhatsmeowSessionForm() {}

    static SessionStates read(byte[] record, long nowMillis) throws DamagedException {
        JsonFields fields = new JsonFields(StrictJson.read(record));
        SessionStates.Builder states = new SessionStates.Builder();
        JsonNode current = fields.find("SessionState");
        JsonNode previous = fields.find("PreviousStates");
        fields.end();
        if (current != null && !isUnused(current)) {
            states.open(readState(current, nowMillis));
        }
        for (JsonNode state : list(previous)) {
            states.closed(() -> readState(state, nowMillis));
        }
        return states.build();
    }

    /** Whether it is the state of a record whose session was closed. */
    static boolean isUnused(JsonNode state) {
        return state.path("SessionVersion").asLong() == 0
                && state.path("RootKey").asText("").isEmpty();
    }

    static JsonNode list(@Nullable JsonNode node) throws DamagedException {
        if (node == null) {
            return StrictJson.NODES.arrayNode();
        }
        if (!node.isArray()) {
            throw new DamagedException("a list is expected in it where something else is");
        }
        return node;
    }

    private static SessionState readState(JsonNode node, long nowMillis) throws DamagedException {
        JsonFields state = new JsonFields(node);
        long version = state.number("SessionVersion", 0, Integer.MAX_VALUE);
        if (version != VERSION) {
            throw new DamagedException("it is a session of version " + version + "; only version 3 can be converted");
        }
        state.find("NeedsRefresh");
        if (state.find("PendingKeyExchange") != null) {
            throw new DamagedException("it has a pending exchange of keys, which no other form holds");
        }
        long previousCounter = state.number("PreviousCounter", 0, SessionState.MAXIMUM_UNSIGNED);
        JsonNode sender = state.find("SenderChain");
        List<Chain> receivers = new ArrayList<>();
        for (JsonNode chain : list(state.find("ReceiverChains"))) {
            receivers.add(readChain(new JsonFields(chain), false));
        }
        SessionState read = new SessionState(
                state.bytes("LocalIdentityPublic"),
                state.number("LocalRegistrationID", 0, SessionState.MAXIMUM_UNSIGNED),
                state.bytes("RemoteIdentityPublic"),
                state.number("RemoteRegistrationID", 0, SessionState.MAXIMUM_UNSIGNED),
                state.bytes("SenderBaseKey"),
                state.bytes("RootKey"),
                // The library writes -1 for a chain that was not used.
                previousCounter == SessionState.MAXIMUM_UNSIGNED ? 0 : previousCounter,
                sender == null ? null : readChain(new JsonFields(sender), true),
                receivers,
                readPending(state, nowMillis));
        state.end();
        return read;
    }

    private static Chain readChain(JsonFields chain, boolean sends) throws DamagedException {
        JsonFields chainKey = chain.object("ChainKey");
        JsonNode key = chainKey.find("Key");
        chain.find("SenderRatchetKeyPrivate");
        List<MessageKey> skipped = new ArrayList<>();
        for (JsonNode each : list(chain.find("MessageKeys"))) {
            JsonFields messageKey = new JsonFields(each);
            skipped.add(MessageKey.ofDerived(
                    messageKey.number("Index", 0, SessionState.MAXIMUM_UNSIGNED),
                    messageKey.bytes("CipherKey"),
                    messageKey.bytes("MacKey"),
                    messageKey.bytes("IV")));
            messageKey.end();
        }
        Chain read = new Chain(
                chain.bytes("SenderRatchetKeyPublic"),
                sends ? chain.bytes("SenderRatchetKeyPrivate") : null,
                chainKey.number("Index", 0, SessionState.MAXIMUM_UNSIGNED),
                key == null ? null : Buffers.read(key),
                skipped);
        chainKey.end();
        chain.end();
        return read;
    }

    private static @Nullable PendingPreKey readPending(JsonFields state, long nowMillis) throws DamagedException {
        if (state.find("PendingPreKey") == null) {
            return null;
        }
        JsonFields pending = state.object("PendingPreKey");
        pending.bytes("BaseKey");
        long signedPreKeyId = pending.number("SignedPreKeyID", 0, SessionState.MAXIMUM_UNSIGNED);
        Long preKeyId = null;
        if (pending.find("PreKeyID") != null) {
            JsonFields optional = pending.object("PreKeyID");
            if (!optional.take("IsEmpty").booleanValue()) {
                preKeyId = optional.number("Value", 0, SessionState.MAXIMUM_UNSIGNED);
            }
        }
        pending.end();
        return new PendingPreKey(preKeyId, signedPreKeyId, nowMillis / MILLIS);
    }

    static ConvertedRecord write(SessionStates states) throws DamagedException {
        if (states.open() == null) {
            throw new DamagedException("it has no open session, and whatsmeow cannot load a record without one");
        }
        ObjectNode record = StrictJson.object();
        record.set("SessionState", writeState(states.open()));
        ArrayNode previous = record.putArray("PreviousStates");
        states.closed().forEach(state -> previous.add(writeState(state)));
        return new ConvertedRecord(StrictJson.write(record), List.of());
    }

    private static ObjectNode writeState(SessionState state) {
        ObjectNode node = StrictJson.object()
                .put("LocalIdentityPublic", Buffers.base64(state.localIdentity()))
                .put("LocalRegistrationID", state.localRegistrationId())
                .put("NeedsRefresh", false)
                .putNull("PendingKeyExchange");
        PendingPreKey pending = state.pending();
        if (pending == null) {
            node.putNull("PendingPreKey");
        } else {
            ObjectNode repeated = node.putObject("PendingPreKey");
            repeated.putObject("PreKeyID")
                    .put("Value", pending.preKeyId() == null ? 0 : pending.preKeyId())
                    .put("IsEmpty", pending.preKeyId() == null);
            repeated.put("SignedPreKeyID", pending.signedPreKeyId()).put("BaseKey", Buffers.base64(state.baseKey()));
        }
        node.put("PreviousCounter", state.previousCounter());
        ArrayNode receivers = node.putArray("ReceiverChains");
        state.receivers().forEach(chain -> receivers.add(writeChain(chain)));
        node.put("RemoteIdentityPublic", Buffers.base64(state.remoteIdentity()))
                .put("RemoteRegistrationID", state.remoteRegistrationId())
                .put("RootKey", Buffers.base64(state.rootKey()))
                .put("SenderBaseKey", Buffers.base64(state.baseKey()));
        node.set("SenderChain", state.sender() == null ? StrictJson.NODES.nullNode() : writeChain(state.sender()));
        return node.put("SessionVersion", VERSION);
    }

    private static ObjectNode writeChain(Chain chain) {
        byte[] privateKey = chain.privateKey();
        ObjectNode node = StrictJson.object()
                .put("SenderRatchetKeyPublic", Buffers.base64(chain.publicKey()))
                .put("SenderRatchetKeyPrivate", privateKey == null ? null : Buffers.base64(privateKey));
        node.putObject("ChainKey")
                .put("Key", Buffers.base64(chain.keyOrRandom()))
                .put("Index", chain.index());
        ArrayNode keys = node.putArray("MessageKeys");
        for (MessageKey key : chain.newestSkipped()) {
            keys.addObject()
                    .put("CipherKey", Buffers.base64(key.cipherKey()))
                    .put("MacKey", Buffers.base64(key.macKey()))
                    .put("IV", Buffers.base64(key.iv()))
                    .put("Index", key.index());
        }
        return node;
    }
}
