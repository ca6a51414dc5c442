package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.AppStateSyncVersion;
import dev.keystore.KeyTypes;
import dev.keystore.TcToken;
import java.io.ByteArrayOutputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The values of baileys_ex, from the tree of either of its forms: in that of terms, bytes and texts are binary nodes.
 */
final class BaileysExValues {

    private static final int MAC_BYTES = 32;
    private static final int HASH_BYTES = 128;

    /** The fields of the credentials that are bytes, even if they look like a text. */
    private static final Set<String> BYTES = Set.of(
            "public",
            "private",
            "signature",
            "account_signature",
            "account_signature_key",
            "details",
            "device_signature",
            "identifier_key",
            "routing_info");

    private BaileysExValues() {}

    /** Reads an entry and adds it. */
    static void add(Contents contents, String item, BaileysType<?> type, String id, JsonNode node, String reason)
            throws DamagedException {
        if (node.has("__type__") || node.has("__atom_keys__")) {
            throw new DamagedException("it has the first form of JSON of the library, which rewrites it when it is"
                    + " saved with a newer version");
        }
        switch (type.name()) {
            case "session" -> contents.add(item, KeyTypes.SESSION, id, BaileysExSession.read(node), reason);
            case "sender-key" -> contents.add(item, KeyTypes.SENDER_KEY, id, BaileysExSenderKey.read(node), reason);
            case "pre-key" -> contents.add(item, KeyTypes.PRE_KEY, id, BaileysValues.keyPair(node), reason);
            case "identity-key" ->
                contents.add(item, KeyTypes.IDENTITY_KEY, id, BaileysValues.identityKey(node), reason);
            case "lid-mapping" -> contents.add(item, KeyTypes.LID_MAPPING, id, BaileysValues.text(node), reason);
            case "device-list" -> contents.add(item, KeyTypes.DEVICE_LIST, id, BaileysValues.texts(node), reason);
            case "sender-key-memory" ->
                contents.add(item, KeyTypes.SENDER_KEY_MEMORY, id, BaileysValues.flags(node), reason);
            case "tctoken" -> contents.add(item, KeyTypes.TC_TOKEN, id, tcToken(node), reason);
            case "app-state-sync-key" ->
                contents.add(
                        item,
                        KeyTypes.APP_STATE_SYNC_KEY,
                        id,
                        syncKey(node),
                        "without its fingerprint and time, which the library does not keep");
            case "app-state-sync-version" ->
                contents.add(item, KeyTypes.APP_STATE_SYNC_VERSION, id, syncVersion(node), reason);
            default -> throw new DamagedException("its type is not known");
        }
    }

    /** Reads a token. One of printable characters is a text in JSON, whose bytes it is. */
    private static TcToken tcToken(JsonNode node) throws DamagedException {
        JsonFields fields = new JsonFields(node);
        JsonNode token = fields.take("token");
        byte[] bytes = token.isTextual() ? token.textValue().getBytes(UTF_8) : Buffers.read(token);
        OptionalLong timestamp = seconds("timestamp", fields.find("timestamp"));
        OptionalLong senderTimestamp = seconds("sender_timestamp", fields.find("sender_timestamp"));
        fields.end();
        return new TcToken(bytes, timestamp, senderTimestamp);
    }

    private static OptionalLong seconds(String name, @Nullable JsonNode value) throws DamagedException {
        if (value == null) {
            return OptionalLong.empty();
        }
        JsonNode number = value.isBinary() ? StrictJson.NODES.textNode(BaileysValues.text(value)) : value;
        return OptionalLong.of(JsonFields.number(name, number, 0, Long.MAX_VALUE));
    }

    private static byte[] syncKey(JsonNode node) throws DamagedException {
        byte[] keyData;
        if (node.has("key_data")) {
            JsonFields fields = new JsonFields(node);
            keyData = fields.bytes("key_data");
            fields.end();
        } else {
            keyData = Buffers.read(node);
        }
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        Protobuf.bytes(message, 1, keyData);
        return message.toByteArray();
    }

    private static AppStateSyncVersion syncVersion(JsonNode node) throws DamagedException {
        JsonFields fields = new JsonFields(node);
        long version = fields.number("version", 0, Long.MAX_VALUE);
        byte[] hash = fields.bytes("hash", HASH_BYTES);
        Map<String, byte[]> macs = new LinkedHashMap<>();
        JsonNode indexes = fields.take("index_value_map");
        new JsonFields(indexes);
        for (Map.Entry<String, JsonNode> index : indexes.properties()) {
            Buffers.base64(index.getKey());
            JsonFields mac = new JsonFields(index.getValue());
            macs.put(index.getKey(), mac.bytes("value_mac", MAC_BYTES));
            mac.end();
        }
        fields.end();
        return new AppStateSyncVersion(version, hash, macs);
    }

    /** Checks the credentials, all of which are kept. */
    static void checkCredentials(JsonNode node) throws DamagedException {
        if (node.has("__type__") || node.has("__atom_keys__")) {
            throw new DamagedException("they have the first form of JSON of the library, which rewrites them when they"
                    + " are saved with a newer version");
        }
        JsonFields fields = new JsonFields(node);
        for (String pair : List.of("noise_key", "signed_identity_key")) {
            BaileysValues.keyPair(fields.take(pair));
        }
        JsonNode pairing = fields.find("pairing_ephemeral_key");
        if (pairing != null) {
            BaileysValues.keyPair(pairing);
        }
        JsonFields signed = fields.object("signed_pre_key");
        BaileysValues.keyPair(signed.take("key_pair"));
        signed.bytes("signature");
        signed.number("key_id", 0, Integer.MAX_VALUE);
        fields.number("registration_id", 0, Integer.MAX_VALUE);
    }

    /** Returns credentials of the native form as JSON, in which bytes are Buffers. */
    static byte[] credentials(JsonNode node) {
        return StrictJson.write(withoutBinaries("", node));
    }

    private static JsonNode withoutBinaries(String field, JsonNode node) {
        if (node instanceof BinaryNode binary) {
            byte[] bytes = binary.binaryValue();
            boolean isText = !BYTES.contains(field) && ErlangTerm.isText(bytes);
            return isText ? StrictJson.NODES.textNode(new String(bytes, UTF_8)) : Buffers.write(bytes);
        }
        if (node.isArray()) {
            ArrayNode array = StrictJson.NODES.arrayNode();
            node.forEach(element -> array.add(withoutBinaries(field, element)));
            return array;
        }
        if (node.isObject()) {
            ObjectNode object = StrictJson.object();
            node.properties()
                    .forEach(each -> object.set(each.getKey(), withoutBinaries(each.getKey(), each.getValue())));
            return object;
        }
        return node;
    }
}
