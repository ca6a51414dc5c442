package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.AppStateSyncVersion;
import dev.keystore.KeyPair;
import dev.keystore.TcToken;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** The small values of Baileys, in JSON. */
final class BaileysValues {

    private static final int MAC_BYTES = 32;
    private static final int HASH_BYTES = 128;

    private BaileysValues() {}

    static KeyPair keyPair(JsonNode node) throws DamagedException {
        JsonFields fields = new JsonFields(node);
        KeyPair pair = keyPair(fields);
        fields.end();
        return pair;
    }

    /** Takes the fields of a key pair. */
    static KeyPair keyPair(JsonFields fields) throws DamagedException {
        byte[] privateKey = fields.bytes("private");
        byte[] publicKey = fields.bytes("public");
        Curve.checkPair(publicKey, privateKey);
        return new KeyPair(publicKey, privateKey);
    }

    static JsonNode ofKeyPair(KeyPair pair) {
        ObjectNode node = StrictJson.object();
        node.set("private", Buffers.write(pair.privateKey()));
        node.set("public", Buffers.write(pair.publicKey()));
        return node;
    }

    static byte[] identityKey(JsonNode node) throws DamagedException {
        byte[] key = Buffers.find(node);
        if (key == null) {
            throw new DamagedException("it is not a Buffer");
        }
        Curve.withoutType(key);
        return key;
    }

    /** Reads a text, which is a binary node in a term of Erlang. */
    static String text(JsonNode node) throws DamagedException {
        if (node instanceof BinaryNode binary) {
            return ErlangTerm.text(binary.binaryValue());
        }
        if (!node.isTextual()) {
            throw new DamagedException("it is not a text");
        }
        return node.textValue();
    }

    static List<String> texts(JsonNode node) throws DamagedException {
        if (!node.isArray()) {
            throw new DamagedException("it is not a list of texts");
        }
        List<String> texts = new ArrayList<>();
        for (JsonNode element : node) {
            texts.add(text(element));
        }
        return texts;
    }

    static JsonNode ofTexts(List<String> texts) {
        ArrayNode node = StrictJson.NODES.arrayNode();
        texts.forEach(node::add);
        return node;
    }

    static Map<String, Boolean> flags(JsonNode node) throws DamagedException {
        if (!node.isObject()) {
            throw new DamagedException("it is not a map to true or false");
        }
        Map<String, Boolean> flags = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> flag : node.properties()) {
            if (!flag.getValue().isBoolean()) {
                throw new DamagedException("it is not a map to true or false");
            }
            flags.put(flag.getKey(), flag.getValue().booleanValue());
        }
        return flags;
    }

    static JsonNode ofFlags(Map<String, Boolean> flags) {
        ObjectNode node = StrictJson.object();
        flags.forEach(node::put);
        return node;
    }

    static AppStateSyncVersion syncVersion(JsonNode node) throws DamagedException {
        JsonFields fields = new JsonFields(node);
        JsonNode version = fields.take("version");
        if (!version.isIntegralNumber()) {
            throw new DamagedException("its field \"version\" is not a whole number");
        }
        byte[] hash = fields.bytes("hash", HASH_BYTES);
        Map<String, byte[]> macs = new LinkedHashMap<>();
        JsonNode indexes = fields.take("indexValueMap");
        new JsonFields(indexes);
        for (Map.Entry<String, JsonNode> index : indexes.properties()) {
            Buffers.base64(index.getKey());
            JsonFields mac = new JsonFields(index.getValue());
            macs.put(index.getKey(), mac.bytes("valueMac", MAC_BYTES));
            mac.end();
        }
        fields.end();
        return new AppStateSyncVersion(JsonFields.number("version", version, 0, Long.MAX_VALUE), hash, macs);
    }

    static JsonNode ofSyncVersion(AppStateSyncVersion state) {
        ObjectNode node = StrictJson.object().put("version", state.version());
        node.set("hash", Buffers.write(state.hash()));
        ObjectNode indexes = node.putObject("indexValueMap");
        state.valueMacs().forEach((index, mac) -> indexes.putObject(index).set("valueMac", Buffers.write(mac)));
        return node;
    }

    static TcToken tcToken(JsonNode node) throws DamagedException {
        JsonFields fields = new JsonFields(node);
        byte[] token = fields.bytes("token");
        OptionalLong timestamp = seconds("timestamp", fields.find("timestamp"));
        OptionalLong senderTimestamp = seconds("senderTimestamp", fields.find("senderTimestamp"));
        if (fields.find("realIssueTimestamp") != null) { // null in a token that a later library received
            throw new DamagedException("its field \"realIssueTimestamp\" holds a value, which would be lost");
        }
        fields.end();
        return new TcToken(token, timestamp, senderTimestamp);
    }

    private static OptionalLong seconds(String name, @Nullable JsonNode value) throws DamagedException {
        return value == null
                ? OptionalLong.empty()
                : OptionalLong.of(JsonFields.number(name, value, 0, Long.MAX_VALUE));
    }

    /** Writes the times as the library does: one as a text, the other one as a number. */
    static JsonNode ofTcToken(TcToken token) {
        ObjectNode node = StrictJson.object();
        node.set("token", Buffers.write(token.token()));
        token.timestampSeconds().ifPresent(seconds -> node.put("timestamp", Long.toString(seconds)));
        token.senderTimestampSeconds().ifPresent(seconds -> node.put("senderTimestamp", seconds));
        return node;
    }

    /** Checks the credentials, which are kept as they are. */
    static void checkCredentials(byte[] document) throws DamagedException {
        JsonFields fields = new JsonFields(StrictJson.read(document));
        for (String pair : List.of("noiseKey", "signedIdentityKey")) {
            keyPair(fields.object(pair));
        }
        JsonNode pairing = fields.find("pairingEphemeralKeyPair");
        if (pairing != null) {
            keyPair(new JsonFields(pairing));
        }
        JsonFields signed = fields.object("signedPreKey");
        keyPair(signed.object("keyPair"));
        signed.bytes("signature");
        signed.number("keyId", 0, Integer.MAX_VALUE);
        fields.number("registrationId", 0, Integer.MAX_VALUE);
    }
}
