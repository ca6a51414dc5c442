package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.interop.ErlangTerms.Atom;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The same account of baileys_ex in both of its forms, as terms of Erlang and as JSON. */
final class BaileysExFixture {

    static final String NATIVE_MANIFEST = ".baileys_ex_native_file_persistence.etf";
    static final String JSON_MANIFEST = ".baileys_ex_file_persistence.json";
    static final String SENDER = "120363-17@g.us::15550100002_1::7";
    static final String SYNC_KEY = "AAAA/+8=";

    private static final String MODULE = "Elixir.BaileysEx.";

    /** The terms of the native form, by type and id. */
    final Map<String, Map<String, Object>> terms = new TreeMap<>();

    private final Object credentials;

    BaileysExFixture() {
        Map<String, Object> pair = pair(1);
        Map<String, Object> state = new LinkedHashMap<>();
        state.put("__struct__", new Atom(MODULE + "Auth.State"));
        state.put(
                "account",
                atoms(Map.of(
                        "__struct__", new Atom(MODULE + "Protocol.Proto.ADVSignedDeviceIdentity"),
                        "details", "text".getBytes(UTF_8),
                        "account_signature", bytes(64, 2))));
        state.put("me", Map.of("id", "15550100001:7@s.whatsapp.net"));
        state.put("noise_key", atoms(pair));
        state.put("pairing_ephemeral_key", null);
        state.put("signed_identity_key", atoms(pair(2)));
        state.put("signed_pre_key", atoms(Map.of("key_pair", atoms(pair(3)), "key_id", 1, "signature", bytes(64, 4))));
        state.put("registration_id", 4_711);
        state.put("adv_secret_key", "c2VjcmV0");
        state.put("registered", true);
        state.put("processed_history_messages", List.of());
        state.put("routing_info", bytes(3, 9));
        state.put("next_pre_key_id", 31);
        credentials = atoms(state);

        put("pre-key", "17", atoms(pair(5)));
        put("identity-key", "15550100002.7", typed(6));
        put("lid-mapping", "15550100002", "915550100002");
        put("lid-mapping", "915550100002_reverse", "15550100002");
        put("device-list", "15550100002", List.of("0", "7"));
        put("sender-key-memory", "120363-17@g.us", Map.of("15550100002:7@s.whatsapp.net", true));
        put(
                "tctoken",
                "9@lid",
                atoms(mapOf("token", bytes(8, 200), "timestamp", 1_763_900_000, "sender_timestamp", null)));
        put("app-state-sync-key", SYNC_KEY, atoms(Map.of("key_data", bytes(32, 7))));
        put("app-state-sync-key", "AAAAAA==", bytes(32, 8));
        put(
                "app-state-sync-version",
                "regular",
                atoms(Map.of(
                        "version", 3,
                        "hash", bytes(128, 1),
                        "index_value_map",
                                Map.of(Buffers.base64(bytes(32, 2)), atoms(Map.of("value_mac", bytes(32, 3)))))));
        put("session", "15550100002_1.7", session());
        put("sender-key", SENDER, senderKey());
    }

    void put(String type, String id, Object term) {
        terms.computeIfAbsent(type, name -> new TreeMap<>()).put(id, term);
    }

    /** Adds a field that is not known to each map of the session, the sender key and the credentials. */
    void addUnknownFields() {
        addUnknownFields(credentials);
        addUnknownFields(terms.get("session"));
        addUnknownFields(terms.get("sender-key"));
    }

    @SuppressWarnings("unchecked")
    private static void addUnknownFields(Object term) {
        if (term instanceof List<?> list) {
            list.forEach(BaileysExFixture::addUnknownFields);
        } else if (term instanceof Map<?, ?> map) {
            map.values().forEach(BaileysExFixture::addUnknownFields);
            if (map.keySet().stream().anyMatch(Atom.class::isInstance)) {
                ((Map<Object, Object>) map).put(new Atom("added"), List.of(bytes(3, 1), new Atom("later")));
            }
        }
    }

    static byte[] bytes(int length, int value) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    static byte[] typed(int seed) {
        byte[] key = Curve.publicOf(bytes(32, seed));
        byte[] typed = new byte[33];
        typed[0] = 5;
        System.arraycopy(key, 0, typed, 1, 32);
        return typed;
    }

    static Map<String, Object> pair(int seed) {
        return Map.of("public", Curve.publicOf(bytes(32, seed)), "private", bytes(32, seed));
    }

    static Map<String, Object> mapOf(Object... pairs) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            map.put((String) pairs[i], pairs[i + 1]);
        }
        return map;
    }

    /** Returns a map whose keys are atoms. */
    static Map<Object, Object> atoms(Map<String, ?> map) {
        Map<Object, Object> atoms = new LinkedHashMap<>();
        map.forEach((key, value) -> atoms.put(new Atom(key), value));
        return atoms;
    }

    private static Map<Object, Object> session() {
        Map<Object, Object> sending = atoms(Map.of(
                "chain_key", atoms(Map.of("counter", 2, "key", bytes(32, 40))),
                "chain_type", new Atom("sending"),
                "message_keys", Map.of()));
        Map<Object, Object> receiving = atoms(mapOf(
                "chain_key", atoms(mapOf("counter", 5, "key", null)),
                "chain_type", new Atom("receiving"),
                "message_keys", Map.of(3, bytes(32, 41))));
        Map<Object, Object> session = atoms(mapOf(
                "current_ratchet",
                atoms(mapOf(
                        "root_key", bytes(32, 42),
                        "ephemeral_key_pair", atoms(pair(43)),
                        "last_remote_ephemeral", typed(44),
                        "previous_counter", 0)),
                "index_info",
                atoms(mapOf(
                        "remote_identity_key", typed(45),
                        "local_identity_key", typed(46),
                        "base_key", typed(47),
                        "base_key_type", new Atom("sending"),
                        "closed", null)),
                "chains",
                Map.of(Buffers.base64(typed(43)), sending, Buffers.base64(typed(44)), receiving),
                "pending_pre_key",
                atoms(mapOf("pre_key_id", null, "signed_pre_key_id", 4, "base_key", typed(47))),
                "registration_id",
                99));
        Map<Object, Object> closed = atoms(mapOf(
                "current_ratchet",
                atoms(mapOf(
                        "root_key",
                        bytes(32, 52),
                        "ephemeral_key_pair",
                        null,
                        "last_remote_ephemeral",
                        typed(54),
                        "previous_counter",
                        0)),
                "index_info",
                atoms(mapOf(
                        "remote_identity_key", typed(45),
                        "local_identity_key", typed(46),
                        "base_key", typed(57),
                        "base_key_type", new Atom("receiving"),
                        "closed", -576_460_751_000_000_000L)),
                "chains",
                Map.of(),
                "pending_pre_key",
                null,
                "registration_id",
                99));
        Map<Object, Object> sessions = new LinkedHashMap<>();
        sessions.put(typed(47), session);
        sessions.put(typed(57), closed);
        return atoms(mapOf("__struct__", new Atom(MODULE + "Signal.SessionRecord"), "sessions", sessions));
    }

    private static Map<Object, Object> senderKey() {
        Map<Object, Object> own = atoms(mapOf(
                "sender_key_id", 4_000_000_000L,
                "sender_chain_key", atoms(Map.of("iteration", 0, "seed", bytes(32, 60))),
                "sender_signing_key", atoms(pair(61)),
                "sender_message_keys", List.of()));
        Map<Object, Object> other = atoms(mapOf(
                "sender_key_id",
                7,
                "sender_chain_key",
                atoms(Map.of("iteration", 9, "seed", bytes(32, 62))),
                "sender_signing_key",
                atoms(mapOf("public", typed(63), "private", null)),
                "sender_message_keys",
                List.of(atoms(Map.of(
                        "iteration", 4, "seed", bytes(32, 64), "iv", bytes(16, 1), "cipher_key", bytes(32, 2))))));
        return atoms(mapOf(
                "__struct__",
                new Atom(MODULE + "Signal.Group.SenderKeyRecord"),
                "sender_key_states",
                List.of(own, other)));
    }

    /** Writes the native form; returns its folder. */
    Path writeNative(Path folder, boolean withManifest) throws Exception {
        Files.createDirectories(folder);
        Files.write(folder.resolve("creds.etf"), ErlangTerms.encode(credentials));
        for (var type : terms.entrySet()) {
            for (var each : type.getValue().entrySet()) {
                String name = BaileysIds.write(type.getKey() + "-" + each.getKey()) + ".etf";
                Files.write(folder.resolve(name), ErlangTerms.encode(each.getValue()));
            }
        }
        if (withManifest) {
            Files.write(folder.resolve(NATIVE_MANIFEST), ErlangTerms.encode(manifest("native_file_persistence", 1)));
        }
        return folder;
    }

    Map<String, Object> manifest(String backend, int version) {
        Map<String, Object> index = new LinkedHashMap<>();
        terms.forEach((type, byId) -> index.put(type, List.copyOf(byId.keySet())));
        return mapOf("backend", backend, "version", version, "key_index", index);
    }

    /** Writes the JSON form; returns its folder. */
    Path writeJson(Path folder) throws Exception {
        Files.createDirectories(folder);
        Files.write(folder.resolve("creds.json"), StrictJson.write((ObjectNode) json("", credentials)));
        for (var type : terms.entrySet()) {
            for (var each : type.getValue().entrySet()) {
                String name = BaileysIds.write(type.getKey() + "-" + each.getKey()) + ".json";
                Files.write(folder.resolve(name), StrictJson.write(json("", each.getValue())));
            }
        }
        Files.write(folder.resolve(JSON_MANIFEST), StrictJson.write(json("", manifest("file_persistence", 1))));
        return folder;
    }

    /** Writes JSON as the library does: bytes as Buffers, and keys of chains in base64 once more. */
    private static com.fasterxml.jackson.databind.JsonNode json(String field, @Nullable Object term) {
        if (term instanceof byte[] bytes) {
            return Buffers.write(bytes);
        }
        if (term instanceof List<?> list) {
            var array = StrictJson.NODES.arrayNode();
            list.forEach(element -> array.add(json(field, element)));
            return array;
        }
        if (term instanceof Map<?, ?> map) {
            ObjectNode object = StrictJson.object();
            map.forEach((key, value) -> {
                String name = key instanceof Atom atom
                        ? atom.name()
                        : key instanceof byte[] bytes ? Buffers.base64(bytes) : String.valueOf(key);
                boolean isDerived = name.equals("iv") || name.equals("cipher_key") || name.equals("__struct__");
                if (!isDerived) {
                    object.set(field.equals("chains") ? Buffers.base64(name.getBytes(UTF_8)) : name, json(name, value));
                }
            });
            return object;
        }
        return term == null
                ? StrictJson.NODES.nullNode()
                : term instanceof Atom atom ? StrictJson.NODES.textNode(atom.name()) : StrictJson.NODES.pojoNode(term);
    }
}
