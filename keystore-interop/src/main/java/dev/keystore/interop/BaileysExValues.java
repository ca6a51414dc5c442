package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import dev.keystore.AppStateSyncVersion;
import dev.keystore.KeyTypes;
import dev.keystore.TcToken;
import java.io.ByteArrayOutputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The values of baileys_ex, from the tree of either of its forms: in that of terms, bytes and texts are binary nodes.
 */
final class BaileysExValues {

    private static final int MAC_BYTES = 32;
    private static final int HASH_BYTES = 128;

    private BaileysExValues() {}

    /** Reads an entry, given as a tree and as the bytes of its file, and adds it. */
    static void add(
            Contents contents, String item, BaileysType<?> type, String id, JsonNode node, byte[] file, String reason)
            throws DamagedException {
        if (node.has("__type__") || node.has("__atom_keys__")) {
            throw new DamagedException("it has the first form of JSON of the library, which rewrites it when it is"
                    + " saved with a newer version");
        }
        switch (type.name()) {
            case "session" -> {
                BaileysExSession.check(node);
                contents.add(item, KeyTypes.SESSION, id, file, reason);
            }
            case "sender-key" -> {
                BaileysExSenderKey.check(node);
                contents.add(item, KeyTypes.SENDER_KEY, id, file, reason);
            }
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
            BaileysValues.keyPair(fields.object(pair));
        }
        JsonNode pairing = fields.find("pairing_ephemeral_key");
        if (pairing != null) {
            BaileysValues.keyPair(new JsonFields(pairing));
        }
        JsonFields signed = fields.object("signed_pre_key");
        BaileysValues.keyPair(signed.object("key_pair"));
        signed.bytes("signature");
        signed.number("key_id", 0, Integer.MAX_VALUE);
        fields.number("registration_id", 0, Integer.MAX_VALUE);
    }
}
