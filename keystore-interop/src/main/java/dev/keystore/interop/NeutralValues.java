package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.AppStateSyncVersion;
import dev.keystore.KeyPair;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignedPreKey;
import dev.keystore.TcToken;
import dev.keystore.interop.Contents.Found;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** Values in the neutral form: the parts of a standard type, or else base64 of the bytes that its codec encodes. */
final class NeutralValues {

    private NeutralValues() {}

    static JsonNode write(Found<?> found) {
        if (found.value() instanceof KeyPair pair) {
            return keyPair(StrictJson.object(), pair);
        }
        if (found.value() instanceof SignedPreKey key) {
            return keyPair(StrictJson.object(), key.keyPair())
                    .put("signature", Buffers.base64(key.signature()))
                    .put("timestampMillis", key.timestampMillis());
        }
        if (found.value() instanceof TcToken token) {
            ObjectNode node = StrictJson.object().put("token", Buffers.base64(token.token()));
            token.timestampSeconds().ifPresent(seconds -> node.put("timestampSeconds", seconds));
            token.senderTimestampSeconds().ifPresent(seconds -> node.put("senderTimestampSeconds", seconds));
            return node;
        }
        if (found.value() instanceof AppStateSyncVersion state) {
            ObjectNode node = StrictJson.object().put("version", state.version());
            node.put("hash", Buffers.base64(state.hash()));
            ObjectNode macs = node.putObject("valueMacs");
            state.valueMacs().forEach((index, mac) -> macs.put(index, Buffers.base64(mac)));
            return node;
        }
        if (found.type().equals(KeyTypes.LID_MAPPING)) {
            return StrictJson.NODES.textNode((String) found.value());
        }
        if (found.type().equals(KeyTypes.DEVICE_LIST)) {
            return BaileysValues.ofTexts(KeyTypes.DEVICE_LIST.codec().decode(found.encoded()));
        }
        if (found.type().equals(KeyTypes.SENDER_KEY_MEMORY)) {
            return BaileysValues.ofFlags(KeyTypes.SENDER_KEY_MEMORY.codec().decode(found.encoded()));
        }
        return StrictJson.NODES.textNode(Buffers.base64(found.encoded()));
    }

    private static ObjectNode keyPair(ObjectNode node, KeyPair pair) {
        return node.put("publicKey", Buffers.base64(pair.publicKey()))
                .put("privateKey", Buffers.base64(pair.privateKey()));
    }

    static <V> V read(KeyType<V> type, JsonNode node) throws DamagedException {
        byte[] encoded = encoded(type, node);
        try {
            return type.codec().decode(encoded);
        } catch (IllegalArgumentException e) {
            throw new DamagedException("its value is not one of its type");
        }
    }

    private static byte[] encoded(KeyType<?> type, JsonNode node) throws DamagedException {
        try {
            if (type.equals(KeyTypes.PRE_KEY)) {
                JsonFields fields = new JsonFields(node);
                return whole(fields, KeyTypes.PRE_KEY, keyPair(fields));
            }
            if (type.equals(KeyTypes.SIGNED_PRE_KEY)) {
                JsonFields fields = new JsonFields(node);
                long timestampMillis = fields.number("timestampMillis", Long.MIN_VALUE, Long.MAX_VALUE);
                SignedPreKey key = new SignedPreKey(keyPair(fields), bytes(fields, "signature"), timestampMillis);
                return whole(fields, KeyTypes.SIGNED_PRE_KEY, key);
            }
            if (type.equals(KeyTypes.TC_TOKEN)) {
                JsonFields fields = new JsonFields(node);
                OptionalLong timestamp = seconds("timestampSeconds", fields.find("timestampSeconds"));
                OptionalLong sender = seconds("senderTimestampSeconds", fields.find("senderTimestampSeconds"));
                return whole(fields, KeyTypes.TC_TOKEN, new TcToken(bytes(fields, "token"), timestamp, sender));
            }
            if (type.equals(KeyTypes.APP_STATE_SYNC_VERSION)) {
                JsonFields fields = new JsonFields(node);
                long version = fields.number("version", Long.MIN_VALUE, Long.MAX_VALUE);
                Map<String, byte[]> macs = macs(fields.take("valueMacs"));
                AppStateSyncVersion state = new AppStateSyncVersion(version, bytes(fields, "hash"), macs);
                return whole(fields, KeyTypes.APP_STATE_SYNC_VERSION, state);
            }
            if (type.equals(KeyTypes.LID_MAPPING)) {
                return KeyTypes.LID_MAPPING.codec().encode(BaileysValues.text(node));
            }
            if (type.equals(KeyTypes.DEVICE_LIST)) {
                return KeyTypes.DEVICE_LIST.codec().encode(List.copyOf(BaileysValues.texts(node)));
            }
            if (type.equals(KeyTypes.SENDER_KEY_MEMORY)) {
                return KeyTypes.SENDER_KEY_MEMORY.codec().encode(BaileysValues.flags(node));
            }
        } catch (IllegalArgumentException e) {
            throw new DamagedException("a text in it is not well-formed Unicode");
        }
        return Buffers.base64(BaileysValues.text(node));
    }

    private static <V> byte[] whole(JsonFields fields, KeyType<V> type, V value) throws DamagedException {
        fields.end();
        return type.codec().encode(value);
    }

    private static KeyPair keyPair(JsonFields fields) throws DamagedException {
        return new KeyPair(bytes(fields, "publicKey"), bytes(fields, "privateKey"));
    }

    private static byte[] bytes(JsonFields fields, String name) throws DamagedException {
        return Buffers.base64(BaileysValues.text(fields.take(name)));
    }

    private static OptionalLong seconds(String name, @Nullable JsonNode node) throws DamagedException {
        return node == null
                ? OptionalLong.empty()
                : OptionalLong.of(JsonFields.number(name, node, Long.MIN_VALUE, Long.MAX_VALUE));
    }

    private static Map<String, byte[]> macs(JsonNode node) throws DamagedException {
        new JsonFields(node);
        Map<String, byte[]> macs = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> mac : node.properties()) {
            macs.put(mac.getKey(), Buffers.base64(BaileysValues.text(mac.getValue())));
        }
        return macs;
    }
}
