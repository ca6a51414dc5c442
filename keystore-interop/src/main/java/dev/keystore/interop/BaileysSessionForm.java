package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.interop.SessionState.Chain;
import dev.keystore.interop.SessionState.PendingPreKey;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Sessions in the form of Baileys: JSON of libsignal-node.
 *
 * <p>A counter there is the index of the last message of a chain; everywhere else it is that of the next one. Our
 * identity is not part of it, but of the credentials.
 */
final class BaileysSessionForm {

    private static final int OPEN = -1;
    private static final int OURS = 1;
    private static final int THEIRS = 2;
    private static final int SENDING = 1;
    private static final int RECEIVING = 2;
    private static final long MILLIS = 1_000;

    private BaileysSessionForm() {}

    static SessionStates read(byte[] record, @Nullable OwnIdentity own) throws DamagedException {
        JsonNode node = StrictJson.read(record);
        BaileysSession.read(node, record);
        if (own == null) {
            throw new DamagedException("our identity is not known, which only credentials of Baileys hold");
        }
        SessionStates.Builder states = new SessionStates.Builder();
        boolean hasOpen = false;
        List<JsonNode> closed = new ArrayList<>();
        for (JsonNode session : node.path("_sessions")) {
            boolean isOpen = closed(session) == OPEN;
            if (isOpen && !hasOpen) {
                hasOpen = true;
                states.open(readState(session, node, own, states));
            } else {
                closed.add(session);
            }
        }
        closed.sort(Comparator.comparingLong(BaileysSessionForm::used).reversed());
        closed.forEach(session -> states.closed(() -> readState(session, node, own, states)));
        return states.build();
    }

    private static long closed(JsonNode session) {
        return session.path("indexInfo").path("closed").asLong();
    }

    private static long used(JsonNode session) {
        return session.path("indexInfo").path("used").asLong();
    }

    private static SessionState readState(JsonNode node, JsonNode record, OwnIdentity own, SessionStates.Builder states)
            throws DamagedException {
        JsonFields session = new JsonFields(node);
        JsonFields ratchet = session.object("currentRatchet");
        JsonFields pair = ratchet.object("ephemeralKeyPair");
        byte[] ratchetKey = Curve.withType(pair.bytes("pubKey"));
        JsonFields index = session.object("indexInfo");
        // Records of the first version have one registration id for all sessions.
        JsonFields registered = node.has("registrationId") ? session : new JsonFields(record);
        Chain sender = null;
        List<Chain> receivers = new ArrayList<>();
        Chain newest = null;
        byte[] newestKey = Curve.withType(ratchet.bytes("lastRemoteEphemeralKey"));
        for (Map.Entry<String, JsonNode> each : session.take("_chains").properties()) {
            byte[] publicKey = Curve.withType(Buffers.base64(each.getKey()));
            JsonFields chain = new JsonFields(each.getValue());
            boolean sends = chain.number("chainType", SENDING, RECEIVING) == SENDING;
            if (!sends) {
                Chain receiver = readChain(publicKey, null, chain);
                if (Arrays.equals(publicKey, newestKey)) {
                    newest = receiver;
                } else if (receiver.key() != null || !receiver.skipped().isEmpty()) {
                    receivers.add(receiver); // a closed chain without message keys decrypts nothing
                }
            } else if (Arrays.equals(publicKey, ratchetKey)) {
                sender = readChain(publicKey, pair.bytes("privKey"), chain);
            } else {
                states.lost("a sending chain in it that is not used any more");
            }
        }
        if (newest != null) {
            receivers.add(newest);
        }
        return new SessionState(
                own.publicKey(),
                own.registrationId(),
                Curve.withType(index.bytes("remoteIdentityKey")),
                registered.number("registrationId", 0, SessionState.MAXIMUM_UNSIGNED),
                Curve.withType(index.bytes("baseKey")),
                ratchet.bytes("rootKey"),
                Math.max(0, ratchet.number("previousCounter", -1, SessionState.MAXIMUM_UNSIGNED)),
                sender,
                receivers,
                readPending(session, index));
    }

    private static Chain readChain(byte[] publicKey, byte @Nullable [] privateKey, JsonFields chain)
            throws DamagedException {
        JsonFields chainKey = chain.object("chainKey");
        long index = chainKey.number("counter", -1, Integer.MAX_VALUE) + 1;
        byte[] key = chainKey.find("key") == null ? null : chainKey.bytes("key");
        List<MessageKey> skipped = new ArrayList<>();
        for (Map.Entry<String, JsonNode> each : chain.take("messageKeys").properties()) {
            skipped.add(MessageKey.ofSeed(Long.parseLong(each.getKey()), Buffers.read(each.getValue())));
        }
        skipped.sort(Comparator.comparingLong(MessageKey::index));
        return new Chain(publicKey, privateKey, index, key, skipped);
    }

    private static @Nullable PendingPreKey readPending(JsonFields session, JsonFields index) throws DamagedException {
        if (session.find("pendingPreKey") == null) {
            return null;
        }
        JsonFields pending = session.object("pendingPreKey");
        if (!Arrays.equals(pending.bytes("baseKey"), index.bytes("baseKey"))) {
            throw new DamagedException("the base key that its messages repeat is not that of the session");
        }
        Long preKeyId = pending.find("preKeyId") == null
                ? null
                : Long.valueOf(pending.number("preKeyId", 0, SessionState.MAXIMUM_UNSIGNED));
        long created = index.number("created", 0, Long.MAX_VALUE);
        return new PendingPreKey(preKeyId, pending.number("signedKeyId", 0, Integer.MAX_VALUE), created / MILLIS);
    }

    static ConvertedRecord write(SessionStates states, long nowMillis) throws DamagedException {
        List<String> lost = new ArrayList<>();
        ObjectNode sessions = StrictJson.object();
        long time = nowMillis;
        if (states.open() != null) {
            sessions.set(baseKey(states.open()), writeState(states.open(), OPEN, time, lost));
        }
        for (SessionState state : states.closed()) {
            time--;
            if (sessions.has(baseKey(state))) {
                lost.add("a closed session in it, since a newer one has the same base key");
            } else {
                sessions.set(baseKey(state), writeState(state, time, time, lost));
            }
        }
        ObjectNode record = StrictJson.object();
        record.set("_sessions", sessions);
        return new ConvertedRecord(StrictJson.write(record.put("version", "v1")), lost);
    }

    private static String baseKey(SessionState state) {
        return Buffers.base64(state.baseKey());
    }

    private static ObjectNode writeState(SessionState state, long closed, long used, List<String> lost)
            throws DamagedException {
        Chain sender = state.sender();
        byte[] privateKey = sender == null ? null : sender.privateKey();
        if (sender == null || privateKey == null) {
            throw new DamagedException("it has no sending chain");
        }
        PendingPreKey pending = state.pending();
        List<Chain> receivers = state.receivers();
        byte[] newest = receivers.isEmpty()
                ? state.baseKey()
                : receivers.get(receivers.size() - 1).publicKey();
        ObjectNode session = StrictJson.object().put("registrationId", state.remoteRegistrationId());
        ObjectNode ratchet = session.putObject("currentRatchet");
        ratchet.putObject("ephemeralKeyPair")
                .put("pubKey", Buffers.base64(sender.publicKey()))
                .put("privKey", Buffers.base64(privateKey));
        ratchet.put("lastRemoteEphemeralKey", Buffers.base64(newest))
                .put("previousCounter", state.previousCounter())
                .put("rootKey", Buffers.base64(state.rootKey()));
        session.putObject("indexInfo")
                .put("baseKey", baseKey(state))
                .put("baseKeyType", pending == null ? THEIRS : OURS)
                .put("closed", closed)
                .put("used", used)
                .put("created", pending == null ? used : pending.seconds() * MILLIS)
                .put("remoteIdentityKey", Buffers.base64(state.remoteIdentity()));
        ObjectNode chains = session.putObject("_chains");
        receivers.forEach(chain -> writeChain(chains, chain, RECEIVING, lost));
        writeChain(chains, sender, SENDING, lost);
        if (pending != null) {
            ObjectNode repeated = session.putObject("pendingPreKey")
                    .put("signedKeyId", pending.signedPreKeyId())
                    .put("baseKey", baseKey(state));
            if (pending.preKeyId() != null) {
                repeated.put("preKeyId", pending.preKeyId());
            }
        }
        return session;
    }

    private static void writeChain(ObjectNode chains, Chain chain, int type, List<String> lost) {
        ObjectNode node = chains.putObject(Buffers.base64(chain.publicKey()));
        ObjectNode chainKey = node.putObject("chainKey").put("counter", chain.index() - 1);
        if (chain.key() != null) {
            chainKey.put("key", Buffers.base64(chain.key()));
        }
        node.put("chainType", type);
        ObjectNode keys = node.putObject("messageKeys");
        long unusable = 0;
        for (MessageKey key : chain.newestSkipped()) {
            byte[] seed = key.seed();
            if (seed == null) {
                unusable++;
            } else {
                keys.put(Long.toString(key.index()), Buffers.base64(seed));
            }
        }
        if (unusable > 0) {
            lost.add(unusable + " message keys of a chain in it, of which the seed is not known, which Baileys needs:"
                    + " messages that were skipped cannot be decrypted");
        }
    }
}
