package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.interop.SenderKeyState.MessageSeed;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Sender keys in the four forms. States are newest first, as libsignal has them. */
final class SenderKeyForms {

    /** The version of the messages. */
    private static final long VERSION = 3;

    private static final int MAXIMUM_STATES = 5;
    private static final int IV_BYTES = 16;
    private static final int IV_AND_CIPHER_KEY_BYTES = 48;

    private SenderKeyForms() {}

    /**
     * The states of a record.
     *
     * @param newestFirst the states
     * @param lost what the record holds beyond them, and why it cannot be converted
     */
    record States(List<SenderKeyState> newestFirst, List<String> lost) {}

    private static States checked(List<SenderKeyState> states, List<String> lost) throws DamagedException {
        if (states.isEmpty()) {
            throw new DamagedException("it holds no state");
        }
        for (SenderKeyState state : states) {
            state.check();
        }
        List<String> more = new ArrayList<>(lost);
        if (states.size() > MAXIMUM_STATES) {
            more.add((states.size() - MAXIMUM_STATES) + " states in it, which has " + MAXIMUM_STATES + " newer ones");
        }
        List<SenderKeyState> kept = states.subList(0, Math.min(states.size(), MAXIMUM_STATES));
        for (SenderKeyState state : kept) {
            int older = state.skipped().size() - SenderKeyState.MAXIMUM_SKIPPED;
            if (older > 0) {
                more.add(older + " message keys of a state in it, which has " + SenderKeyState.MAXIMUM_SKIPPED
                        + " newer ones");
            }
        }
        return new States(kept, more);
    }

    /** Reads the form of Baileys, an array with the newest state last. */
    static States readBaileys(byte[] record) throws DamagedException {
        List<SenderKeyState> newestLast = new ArrayList<>();
        JsonNode array = StrictJson.read(record);
        BaileysSenderKey.read(array);
        for (JsonNode node : array) {
            JsonFields fields = new JsonFields(node);
            JsonFields signing = fields.object("senderSigningKey");
            byte[] privateKey = signing.find("private") == null ? new byte[0] : signing.bytes("private");
            List<MessageSeed> skipped = new ArrayList<>();
            for (JsonNode key : fields.take("senderMessageKeys")) {
                skipped.add(seedOf(new JsonFields(key)));
            }
            newestLast.add(new SenderKeyState(
                    fields.number("senderKeyId", 0, SessionState.MAXIMUM_UNSIGNED),
                    seedOf(fields.object("senderChainKey")),
                    Curve.withType(signing.bytes("public")),
                    privateKey,
                    skipped));
        }
        return ofNewestLast(newestLast);
    }

    /** Of states with one id, Baileys and baileys_ex use the first, and libsignal the newest: one of them is kept. */
    private static States ofNewestLast(List<SenderKeyState> newestLast) throws DamagedException {
        List<String> lost = new ArrayList<>();
        Map<Long, SenderKeyState> byId = new LinkedHashMap<>();
        for (SenderKeyState state : newestLast) {
            SenderKeyState former = byId.get(state.keyId());
            if (former != null) {
                lost.add("a state in it, whose id another one has as well");
            }
            if (former == null || !Arrays.equals(former.publicKey(), state.publicKey())) {
                byId.remove(state.keyId());
                byId.put(state.keyId(), state);
            }
        }
        List<SenderKeyState> newestFirst = new ArrayList<>(byId.values());
        Collections.reverse(newestFirst);
        return checked(newestFirst, lost);
    }

    private static MessageSeed seedOf(JsonFields key) throws DamagedException {
        return new MessageSeed(key.number("iteration", 0, SessionState.MAXIMUM_UNSIGNED), key.bytes("seed"));
    }

    static byte[] writeBaileys(List<SenderKeyState> newestFirst) {
        List<SenderKeyState> newestLast = new ArrayList<>(newestFirst);
        Collections.reverse(newestLast);
        ArrayNode states = StrictJson.NODES.arrayNode();
        for (SenderKeyState state : newestLast) {
            ObjectNode node = states.addObject().put("senderKeyId", state.keyId());
            node.putObject("senderChainKey")
                    .put("iteration", state.next().iteration())
                    .set("seed", Buffers.writeNumbers(state.next().seed()));
            ObjectNode signing = node.putObject("senderSigningKey");
            signing.set("public", Buffers.writeNumbers(state.publicKey()));
            signing.set("private", Buffers.writeNumbers(state.privateKey()));
            ArrayNode keys = node.putArray("senderMessageKeys");
            // In base64: Baileys 7.0.0-rc14 cannot use those in numbers, not even if it wrote them itself.
            state.newestSkipped().forEach(key -> writeSeed(keys.addObject(), key));
        }
        return StrictJson.write(states);
    }

    /** Reads either form of baileys_ex, with the newest state last. */
    static States readBaileysEx(byte[] record) throws DamagedException {
        List<SenderKeyState> newestLast = new ArrayList<>();
        for (JsonNode node : BaileysExSenderKey.read(record).path("sender_key_states")) {
            JsonFields fields = new JsonFields(node);
            JsonFields signing = fields.object("sender_signing_key");
            List<MessageSeed> skipped = new ArrayList<>();
            for (JsonNode key : fields.take("sender_message_keys")) {
                skipped.add(seedOf(new JsonFields(key)));
            }
            newestLast.add(new SenderKeyState(
                    fields.number("sender_key_id", 0, SessionState.MAXIMUM_UNSIGNED),
                    seedOf(fields.object("sender_chain_key")),
                    Curve.withType(signing.bytes("public")),
                    signing.find("private") == null ? new byte[0] : signing.bytes("private"),
                    skipped));
        }
        return ofNewestLast(newestLast);
    }

    static byte[] writeBaileysEx(List<SenderKeyState> newestFirst) {
        List<SenderKeyState> newestLast = new ArrayList<>(newestFirst);
        Collections.reverse(newestLast);
        ObjectNode record = StrictJson.object();
        ArrayNode states = record.putArray("sender_key_states");
        for (SenderKeyState state : newestLast) {
            ObjectNode node = states.addObject().put("sender_key_id", state.keyId());
            writeSeed(node.putObject("sender_chain_key"), state.next());
            ObjectNode signing = node.putObject("sender_signing_key");
            byte[] privateKey = state.privateKey();
            signing.set("private", privateKey.length == 0 ? StrictJson.NODES.nullNode() : Buffers.write(privateKey));
            signing.set("public", Buffers.write(state.publicKey()));
            ArrayNode keys = node.putArray("sender_message_keys");
            state.newestSkipped().forEach(key -> writeSeed(keys.addObject(), key));
        }
        return StrictJson.write(record);
    }

    private static void writeSeed(ObjectNode node, MessageSeed key) {
        node.put("iteration", key.iteration()).set("seed", Buffers.write(key.seed()));
    }

    /** Reads the form of whatsmeow, in which the keys of messages are derived, and their seeds are kept. */
    static States readWhatsmeow(byte[] record) throws DamagedException {
        JsonFields fields = new JsonFields(StrictJson.read(record));
        JsonNode list = fields.take("SenderKeyStates");
        fields.end();
        List<SenderKeyState> states = new ArrayList<>();
        for (JsonNode node : list) {
            JsonFields state = new JsonFields(node);
            JsonFields chainKey = state.object("SenderChainKey");
            List<MessageSeed> skipped = new ArrayList<>();
            JsonNode keys = state.find("Keys");
            for (JsonNode each : keys == null ? StrictJson.NODES.arrayNode() : keys) {
                JsonFields key = new JsonFields(each);
                skipped.add(
                        new MessageSeed(key.number("Iteration", 0, SessionState.MAXIMUM_UNSIGNED), key.bytes("Seed")));
            }
            states.add(new SenderKeyState(
                    state.number("KeyID", 0, SessionState.MAXIMUM_UNSIGNED),
                    new MessageSeed(
                            chainKey.number("Iteration", 0, SessionState.MAXIMUM_UNSIGNED), chainKey.bytes("ChainKey")),
                    state.bytes("SigningKeyPublic"),
                    WhatsmeowRecords.signingKey(state),
                    skipped));
            state.end();
        }
        return checked(states, List.of());
    }

    static byte[] writeWhatsmeow(List<SenderKeyState> newestFirst) {
        ObjectNode record = StrictJson.object();
        ArrayNode states = record.putArray("SenderKeyStates");
        for (SenderKeyState state : newestFirst) {
            ObjectNode node = states.addObject();
            ArrayNode keys = node.putArray("Keys");
            for (MessageSeed key : state.newestSkipped()) {
                byte[] derived = Hkdf.derive(key.seed(), "WhisperGroup", IV_AND_CIPHER_KEY_BYTES);
                keys.addObject()
                        .put("Iteration", key.iteration())
                        .put("IV", Buffers.base64(Arrays.copyOf(derived, IV_BYTES)))
                        .put("CipherKey", Buffers.base64(Arrays.copyOfRange(derived, IV_BYTES, derived.length)))
                        .put("Seed", Buffers.base64(key.seed()));
            }
            node.put("KeyID", state.keyId());
            node.putObject("SenderChainKey")
                    .put("Iteration", state.next().iteration())
                    .put("ChainKey", Buffers.base64(state.next().seed()));
            byte[] privateKey = state.privateKey();
            node.put("SigningKeyPrivate", privateKey.length == 0 ? null : Buffers.base64(privateKey))
                    .put("SigningKeyPublic", Buffers.base64(state.publicKey()));
        }
        return StrictJson.write(record);
    }

    /** Reads the form of libsignal: the message {@code SenderKeyRecordStructure} of its {@code storage.proto}. */
    static States readLibsignal(byte[] record) throws DamagedException {
        Protobuf message = new Protobuf(record);
        List<SenderKeyState> states = new ArrayList<>();
        while (message.next()) {
            if (message.field() != 1) {
                throw message.unknown();
            }
            states.add(readLibsignalState(message.bytes()));
        }
        return checked(states, List.of());
    }

    private static SenderKeyState readLibsignalState(byte[] state) throws DamagedException {
        Protobuf message = new Protobuf(state);
        long keyId = 0;
        MessageSeed next = new MessageSeed(0, new byte[0]);
        byte[] publicKey = new byte[0];
        byte[] privateKey = new byte[0];
        List<MessageSeed> skipped = new ArrayList<>();
        long version = 0;
        while (message.next()) {
            switch (message.field()) {
                case 1 -> keyId = message.number();
                case 2 -> next = readLibsignalKey(message.bytes());
                case 3 -> {
                    Protobuf signing = new Protobuf(message.bytes());
                    while (signing.next()) {
                        switch (signing.field()) {
                            case 1 -> publicKey = signing.bytes();
                            case 2 -> privateKey = signing.bytes();
                            default -> throw signing.unknown();
                        }
                    }
                }
                case 4 -> skipped.add(readLibsignalKey(message.bytes()));
                case 5 -> version = message.number();
                default -> throw message.unknown();
            }
        }
        if (version != VERSION && version != 0) {
            throw new DamagedException(
                    "it is a sender key of version " + version + "; only version 3 can be converted");
        }
        return new SenderKeyState(keyId, next, publicKey, privateKey, skipped);
    }

    private static MessageSeed readLibsignalKey(byte[] key) throws DamagedException {
        Protobuf message = new Protobuf(key);
        long iteration = 0;
        byte[] seed = new byte[0];
        while (message.next()) {
            switch (message.field()) {
                case 1 -> iteration = message.number();
                case 2 -> seed = message.bytes();
                default -> throw message.unknown();
            }
        }
        return new MessageSeed(iteration, seed);
    }

    static byte[] writeLibsignal(List<SenderKeyState> newestFirst) {
        ByteArrayOutputStream record = new ByteArrayOutputStream();
        for (SenderKeyState state : newestFirst) {
            ByteArrayOutputStream message = new ByteArrayOutputStream();
            Protobuf.number(message, 1, state.keyId());
            Protobuf.bytes(message, 2, writeLibsignalKey(state.next()));
            ByteArrayOutputStream signing = new ByteArrayOutputStream();
            Protobuf.bytes(signing, 1, state.publicKey());
            if (state.privateKey().length > 0) {
                Protobuf.bytes(signing, 2, state.privateKey());
            }
            Protobuf.bytes(message, 3, signing.toByteArray());
            state.newestSkipped().forEach(key -> Protobuf.bytes(message, 4, writeLibsignalKey(key)));
            Protobuf.number(message, 5, VERSION);
            Protobuf.bytes(record, 1, message.toByteArray());
        }
        return record.toByteArray();
    }

    private static byte[] writeLibsignalKey(MessageSeed key) {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        Protobuf.number(message, 1, key.iteration());
        Protobuf.bytes(message, 2, key.seed());
        return message.toByteArray();
    }
}
