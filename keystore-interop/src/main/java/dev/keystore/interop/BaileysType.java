package dev.keystore.interop;

import static dev.keystore.KeyTypes.APP_STATE_SYNC_KEY;
import static dev.keystore.KeyTypes.APP_STATE_SYNC_VERSION;
import static dev.keystore.KeyTypes.DEVICE_LIST;
import static dev.keystore.KeyTypes.IDENTITY_KEY;
import static dev.keystore.KeyTypes.LID_MAPPING;
import static dev.keystore.KeyTypes.PRE_KEY;
import static dev.keystore.KeyTypes.SENDER_KEY;
import static dev.keystore.KeyTypes.SENDER_KEY_MEMORY;
import static dev.keystore.KeyTypes.SESSION;
import static dev.keystore.KeyTypes.TC_TOKEN;

import com.fasterxml.jackson.databind.JsonNode;
import dev.keystore.KeyType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A type of key of Baileys: its name there, how its ids stand in names of files, and its values in JSON.
 *
 * <p>A value that was read and is written again is equal to what was read, apart from the form of bytes and numbers: a
 * reader refuses what the writer could not give back.
 *
 * @param name the name that Baileys has for it
 * @param type our type
 * @param ids how ids stand in names of files
 * @param reader converts JSON to a value
 * @param writer converts a value to the bytes of a JSON document
 */
record BaileysType<V>(String name, KeyType<V> type, BaileysIds ids, Reader<V> reader, Writer<V> writer) {

    /** All types, so that a name that begins with that of another one comes before it. */
    static final List<BaileysType<?>> ALL = List.of(
            new BaileysType<>(
                    "app-state-sync-version",
                    APP_STATE_SYNC_VERSION,
                    BaileysIds.PLAIN,
                    (node, bytes) -> BaileysValues.syncVersion(node),
                    value -> StrictJson.write(BaileysValues.ofSyncVersion(value))),
            new BaileysType<>(
                    "app-state-sync-key",
                    APP_STATE_SYNC_KEY,
                    BaileysIds.BASE64,
                    (node, bytes) -> SyncKey.ofJson(node),
                    value -> StrictJson.write(SyncKey.toJson(value))),
            new BaileysType<>(
                    "sender-key-memory",
                    SENDER_KEY_MEMORY,
                    BaileysIds.USER,
                    (node, bytes) -> BaileysValues.flags(node),
                    value -> StrictJson.write(BaileysValues.ofFlags(value))),
            new BaileysType<>(
                    "identity-key",
                    IDENTITY_KEY,
                    BaileysIds.PLAIN,
                    (node, bytes) -> BaileysValues.identityKey(node),
                    value -> StrictJson.write(Buffers.write(value))),
            new BaileysType<>(
                    "lid-mapping",
                    LID_MAPPING,
                    BaileysIds.PLAIN,
                    (node, bytes) -> BaileysValues.text(node),
                    value -> StrictJson.write(StrictJson.NODES.textNode(value))),
            new BaileysType<>(
                    "device-list",
                    DEVICE_LIST,
                    BaileysIds.USER,
                    (node, bytes) -> BaileysValues.texts(node),
                    value -> StrictJson.write(BaileysValues.ofTexts(value))),
            new BaileysType<>(
                    "sender-key",
                    SENDER_KEY,
                    BaileysIds.SENDER_KEY,
                    (node, bytes) -> BaileysSenderKey.read(node),
                    BaileysSenderKey::write),
            new BaileysType<>(
                    "pre-key",
                    PRE_KEY,
                    BaileysIds.PLAIN,
                    (node, bytes) -> BaileysValues.keyPair(node),
                    value -> StrictJson.write(BaileysValues.ofKeyPair(value))),
            new BaileysType<>("session", SESSION, BaileysIds.PLAIN, BaileysSession::read, BaileysSession::write),
            new BaileysType<>(
                    "tctoken",
                    TC_TOKEN,
                    BaileysIds.USER,
                    (node, bytes) -> BaileysValues.tcToken(node),
                    value -> StrictJson.write(BaileysValues.ofTcToken(value))));

    /** Returns the type with a name of Baileys, or null. */
    static @Nullable BaileysType<?> named(String name) {
        return ALL.stream().filter(type -> type.name().equals(name)).findFirst().orElse(null);
    }

    /** Converts JSON, given as a tree and as the bytes of the document, to a value. */
    @FunctionalInterface
    interface Reader<V> {
        V read(JsonNode node, byte[] bytes) throws DamagedException;
    }

    /** Converts a value to the bytes of a JSON document. */
    @FunctionalInterface
    interface Writer<V> {
        byte[] write(V value) throws DamagedException;
    }

    /** Reads an entry and adds it. */
    void addTo(Contents contents, String item, String id, byte[] document, String reason) throws DamagedException {
        contents.add(item, type, id, reader.read(StrictJson.read(document), document), reason);
    }
}
