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
 * Sessions in the form of baileys_ex, read as the tree that {@link BaileysExSession} returns, and written as its JSON.
 *
 * <p>A counter there is the index of the next message of a chain, unlike that of Baileys. Chains have no order: of the
 * receiving ones, only the newest is known. Our identity key is part of a session, and our registration id is not. It
 * does not record when a session was started or used.
 */
final class BaileysExSessionForm {

    private static final String SENDING = "sending";
    private static final String RECEIVING = "receiving";
    private static final long MILLIS = 1_000;

    private BaileysExSessionForm() {}

    static SessionStates read(byte[] record, @Nullable OwnIdentity own, long nowMillis) throws DamagedException {
        JsonNode sessions = BaileysExSession.read(record).path("sessions");
        if (own == null) {
            throw new DamagedException("our registration id is not known, which only credentials hold");
        }
        List<JsonNode> newestFirst = new ArrayList<>();
        sessions.forEach(newestFirst::add);
        newestFirst.sort(Comparator.comparingLong(BaileysExSessionForm::closed).reversed());
        SessionStates.Builder states = new SessionStates.Builder();
        for (int i = 0; i < newestFirst.size(); i++) {
            JsonNode session = newestFirst.get(i);
            if (i == 0 && closed(session) == Long.MAX_VALUE) {
                states.open(readState(session, own, nowMillis, states));
            } else {
                states.closed(() -> readState(session, own, nowMillis, states));
            }
        }
        return states.build();
    }

    /** Returns when a session was closed; the largest number if it is open. */
    private static long closed(JsonNode session) {
        return session.path("index_info").path("closed").asLong(Long.MAX_VALUE);
    }

    private static SessionState readState(JsonNode node, OwnIdentity own, long nowMillis, SessionStates.Builder states)
            throws DamagedException {
        JsonFields session = new JsonFields(node);
        JsonFields ratchet = session.object("current_ratchet");
        if (ratchet.find("ephemeral_key_pair") == null) {
            throw new DamagedException("it has no ratchet key pair, so that it cannot be continued");
        }
        JsonFields pair = ratchet.object("ephemeral_key_pair");
        byte[] ratchetKey = Curve.withType(pair.bytes("public"));
        JsonNode last = ratchet.find("last_remote_ephemeral");
        byte[] newestKey = last == null ? new byte[0] : Curve.withType(Buffers.read(last));
        JsonFields index = session.object("index_info");
        byte[] baseKey = Curve.withType(index.bytes("base_key"));
        Chain sender = null;
        Chain newest = null;
        List<Chain> receivers = new ArrayList<>();
        for (Map.Entry<String, JsonNode> each : session.take("chains").properties()) {
            byte[] publicKey = Curve.withType(Buffers.base64(each.getKey()));
            JsonFields chain = new JsonFields(each.getValue());
            if (chain.take("chain_type").asText().equals(RECEIVING)) {
                Chain receiver = readChain(publicKey, null, chain);
                if (Arrays.equals(publicKey, newestKey)) {
                    newest = receiver;
                } else if (receiver.key() != null || !receiver.skipped().isEmpty()) {
                    receivers.add(receiver); // a closed chain without message keys decrypts nothing
                }
            } else if (Arrays.equals(publicKey, ratchetKey)) {
                sender = readChain(publicKey, pair.bytes("private"), chain);
            } else {
                states.lost("a sending chain in it that is not used any more");
            }
        }
        if (newest != null) {
            receivers.add(newest);
        }
        return new SessionState(
                Curve.withType(index.bytes("local_identity_key")),
                own.registrationId(),
                Curve.withType(index.bytes("remote_identity_key")),
                session.number("registration_id", 0, SessionState.MAXIMUM_UNSIGNED),
                baseKey,
                ratchet.bytes("root_key"),
                Math.max(0, ratchet.number("previous_counter", -1, SessionState.MAXIMUM_UNSIGNED)),
                sender,
                receivers,
                readPending(session, baseKey, nowMillis));
    }

    private static Chain readChain(byte[] publicKey, byte @Nullable [] privateKey, JsonFields chain)
            throws DamagedException {
        JsonFields chainKey = chain.object("chain_key");
        long index = chainKey.number("counter", 0, SessionState.MAXIMUM_UNSIGNED);
        byte[] key = chainKey.find("key") == null ? null : chainKey.bytes("key");
        List<MessageKey> skipped = new ArrayList<>();
        for (Map.Entry<String, JsonNode> each : chain.take("message_keys").properties()) {
            skipped.add(MessageKey.ofSeed(Long.parseLong(each.getKey()), Buffers.read(each.getValue())));
        }
        skipped.sort(Comparator.comparingLong(MessageKey::index));
        return new Chain(publicKey, privateKey, index, key, skipped);
    }

    private static @Nullable PendingPreKey readPending(JsonFields session, byte[] baseKey, long nowMillis)
            throws DamagedException {
        if (session.find("pending_pre_key") == null) {
            return null;
        }
        JsonFields pending = session.object("pending_pre_key");
        if (!Arrays.equals(Curve.withType(pending.bytes("base_key")), baseKey)) {
            throw new DamagedException("the base key that its messages repeat is not that of the session");
        }
        Long preKeyId = pending.find("pre_key_id") == null
                ? null
                : Long.valueOf(pending.number("pre_key_id", 0, SessionState.MAXIMUM_UNSIGNED));
        long signedPreKeyId = pending.number("signed_pre_key_id", 0, SessionState.MAXIMUM_UNSIGNED);
        return new PendingPreKey(preKeyId, signedPreKeyId, nowMillis / MILLIS);
    }

    static ConvertedRecord write(SessionStates states, long nowMillis) throws DamagedException {
        List<String> lost = new ArrayList<>();
        ObjectNode record = StrictJson.object();
        ObjectNode sessions = record.putObject("sessions");
        if (states.open() != null) {
            sessions.set(Buffers.base64(states.open().baseKey()), writeState(states.open(), null, lost));
        }
        long closed = nowMillis;
        for (SessionState state : states.closed()) {
            closed--;
            String name = Buffers.base64(state.baseKey());
            if (sessions.has(name)) {
                lost.add("a closed session in it, since a newer one has the same base key");
            } else {
                sessions.set(name, writeState(state, closed, lost));
            }
        }
        return new ConvertedRecord(StrictJson.write(record), lost);
    }

    private static ObjectNode writeState(SessionState state, @Nullable Long closed, List<String> lost)
            throws DamagedException {
        Chain sender = state.sender();
        byte[] privateKey = sender == null ? null : sender.privateKey();
        if (sender == null || privateKey == null) {
            throw new DamagedException("it has no sending chain");
        }
        ObjectNode session = StrictJson.object();
        ObjectNode ratchet = session.putObject("current_ratchet");
        ratchet.set("root_key", Buffers.write(state.rootKey()));
        ObjectNode pair = ratchet.putObject("ephemeral_key_pair");
        pair.set("private", Buffers.write(privateKey));
        pair.set("public", Buffers.write(sender.publicKey()));
        List<Chain> receivers = state.receivers();
        ratchet.set(
                "last_remote_ephemeral",
                receivers.isEmpty()
                        ? StrictJson.NODES.nullNode()
                        : Buffers.write(receivers.get(receivers.size() - 1).publicKey()));
        ratchet.put("previous_counter", state.previousCounter());
        ObjectNode index = session.putObject("index_info");
        index.set("base_key", Buffers.write(state.baseKey()));
        index.set("remote_identity_key", Buffers.write(state.remoteIdentity()));
        index.set("local_identity_key", Buffers.write(state.localIdentity()));
        index.put("base_key_type", state.pending() == null ? RECEIVING : SENDING)
                .put("closed", closed);
        ObjectNode chains = session.putObject("chains");
        receivers.forEach(chain -> writeChain(chains, chain, RECEIVING, lost));
        writeChain(chains, sender, SENDING, lost);
        PendingPreKey pending = state.pending();
        if (pending == null) {
            session.putNull("pending_pre_key");
        } else {
            ObjectNode repeated = session.putObject("pending_pre_key");
            repeated.set("base_key", Buffers.write(state.baseKey()));
            repeated.put("pre_key_id", pending.preKeyId()).put("signed_pre_key_id", pending.signedPreKeyId());
        }
        return session.put("registration_id", state.remoteRegistrationId());
    }

    private static void writeChain(ObjectNode chains, Chain chain, String type, List<String> lost) {
        ObjectNode node = chains.putObject(Buffers.base64(chain.publicKey()));
        byte[] key = chain.key();
        node.putObject("chain_key")
                .put("counter", chain.index())
                .set("key", key == null ? StrictJson.NODES.nullNode() : Buffers.write(key));
        node.put("chain_type", type);
        ObjectNode keys = node.putObject("message_keys");
        long unusable = 0;
        for (MessageKey messageKey : chain.newestSkipped()) {
            byte[] seed = messageKey.seed();
            if (seed == null) {
                unusable++;
            } else {
                keys.set(Long.toString(messageKey.index()), Buffers.write(seed));
            }
        }
        if (unusable > 0) {
            lost.add(
                    unusable + " message keys of a chain in it, of which the seed is not known, which baileys_ex needs:"
                            + " messages that were skipped cannot be decrypted");
        }
    }
}
