package dev.keystore.interop;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.AppStateSyncVersion;
import dev.keystore.KeyPair;
import dev.keystore.SignedPreKey;
import dev.keystore.TcToken;
import java.io.ByteArrayOutputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.UUID;

/** What the rows of a device of whatsmeow say. */
final class RawWhatsmeow extends RawTables {

    private static final String MACS = "whatsmeow_app_state_mutation_macs";

    private static final List<String> BYTES = List.of(
            "noise_key",
            "identity_key",
            "signed_pre_key",
            "signed_pre_key_sig",
            "adv_key",
            "adv_details",
            "adv_account_sig",
            "adv_account_sig_key",
            "adv_device_sig");
    private static final List<String> NUMBERS = List.of("registration_id", "signed_pre_key_id", "lid_migration_ts");

    @Override
    Map<String, List<String>> tables() {
        List<String> jid = List.of("jid", WhatsmeowFixture.JID);
        List<String> ourJid = List.of("our_jid", WhatsmeowFixture.JID);
        return Map.ofEntries(
                Map.entry("whatsmeow_device", jid),
                Map.entry("whatsmeow_identity_keys", ourJid),
                Map.entry("whatsmeow_pre_keys", jid),
                Map.entry("whatsmeow_sessions", ourJid),
                Map.entry("whatsmeow_sender_keys", ourJid),
                Map.entry("whatsmeow_app_state_sync_keys", jid),
                Map.entry("whatsmeow_app_state_version", jid),
                Map.entry("whatsmeow_privacy_tokens", ourJid),
                Map.entry("whatsmeow_lid_map", List.of()),
                Map.entry("whatsmeow_message_secrets", ourJid),
                Map.entry("whatsmeow_nct_salt", ourJid));
    }

    @Override
    boolean isJson(String type) {
        return type.equals("whatsmeow");
    }

    @Override
    List<String> others() {
        return List.of(MACS);
    }

    @Override
    Map<String, Object> says(String table, Map<String, Object> row) {
        return switch (table) {
            case "whatsmeow_device" -> device(row);
            case "whatsmeow_identity_keys" -> {
                byte[] typed = new byte[33];
                typed[0] = 5;
                System.arraycopy(bytes(row, "identity"), 0, typed, 1, 32);
                yield Map.of("identity-key/" + String.join(".", address(text(row, "their_id"))), typed);
            }
            case "whatsmeow_pre_keys" ->
                Map.of(
                        "pre-key/" + number(row, "key_id"),
                        pair(bytes(row, "key")),
                        "whatsmeow/pre_key/" + number(row, "key_id"),
                        StrictJson.object().put("uploaded", flag(row.get("uploaded"))));
            case "whatsmeow_sessions" ->
                Map.of("session/" + String.join(".", address(text(row, "their_id"))), bytes(row, "session"));
            case "whatsmeow_sender_keys" ->
                Map.of(
                        "sender-key/" + text(row, "chat_id") + "::"
                                + String.join("::", address(text(row, "sender_id"))),
                        bytes(row, "sender_key"));
            case "whatsmeow_app_state_sync_keys" -> {
                ByteArrayOutputStream message = new ByteArrayOutputStream();
                Protobuf.bytes(message, 1, bytes(row, "key_data"));
                if (row.get("fingerprint") != null) {
                    Protobuf.bytes(message, 2, bytes(row, "fingerprint"));
                }
                Protobuf.number(message, 3, number(row, "timestamp"));
                yield Map.of("app-state-sync-key/" + Buffers.base64(bytes(row, "key_id")), message.toByteArray());
            }
            case "whatsmeow_app_state_version" ->
                Map.of(
                        "app-state-sync-version/" + text(row, "name"),
                        new AppStateSyncVersion(number(row, "version"), bytes(row, "hash"), macs(row.get("name"))));
            case "whatsmeow_privacy_tokens" ->
                Map.of(
                        "tc-token/" + text(row, "their_jid"),
                        new TcToken(bytes(row, "token"), time(row, "timestamp"), time(row, "sender_timestamp")));
            case "whatsmeow_lid_map" ->
                Map.of(
                        "lid-mapping/" + text(row, "pn"),
                        text(row, "lid"),
                        "lid-mapping/" + text(row, "lid") + "_reverse",
                        text(row, "pn"));
            case "whatsmeow_message_secrets" ->
                Map.of(
                        "whatsmeow/message_secret/" + text(row, "chat_jid") + "/" + text(row, "sender_jid") + "/"
                                + text(row, "message_id"),
                        StrictJson.object().put("key", Buffers.base64(bytes(row, "key"))));
            default ->
                Map.of("whatsmeow/nct_salt", StrictJson.object().put("salt", Buffers.base64(bytes(row, "salt"))));
        };
    }

    private static Map<String, Object> device(Map<String, Object> row) {
        ObjectNode json = StrictJson.object();
        row.forEach((column, value) -> {
            if (value == null) {
                return;
            }
            if (BYTES.contains(column)) {
                json.put(column, Buffers.base64((byte[]) value));
            } else if (NUMBERS.contains(column)) {
                json.put(column, number(row, column));
            } else {
                json.put(column, value instanceof UUID uuid ? uuid.toString() : (String) value);
            }
        });
        return Map.of(
                Contents.CREDENTIALS,
                Samples.tree(StrictJson.write(json)),
                "signed-pre-key/" + number(row, "signed_pre_key_id"),
                new SignedPreKey(pair(bytes(row, "signed_pre_key")), bytes(row, "signed_pre_key_sig"), 0));
    }

    private static KeyPair pair(byte[] privateKey) {
        return new KeyPair(Curve.publicOf(privateKey), privateKey);
    }

    private static boolean flag(Object value) {
        return value instanceof Boolean flag ? flag : ((Number) value).doubleValue() == 1;
    }

    private static OptionalLong time(Map<String, Object> row, String column) {
        return row.get(column) == null ? OptionalLong.empty() : OptionalLong.of(number(row, column));
    }

    private static String[] address(String address) {
        int colon = address.lastIndexOf(':');
        return new String[] {address.substring(0, colon), address.substring(colon + 1)};
    }

    /** Of each index, the MAC of the highest version. */
    private Map<String, byte[]> macs(Object name) {
        Map<String, byte[]> macs = new HashMap<>();
        Map<String, Long> versions = new HashMap<>();
        for (Map<String, Object> row : rows(MACS)) {
            if (WhatsmeowFixture.JID.equals(row.get("jid")) && name.equals(row.get("name"))) {
                String index = Buffers.base64(bytes(row, "index_mac"));
                if (versions.merge(index, number(row, "version"), Math::max) == number(row, "version")) {
                    macs.put(index, bytes(row, "value_mac"));
                }
            }
        }
        return macs;
    }
}
