package dev.keystore.interop;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.KeyPair;
import dev.keystore.SignedPreKey;
import dev.keystore.interop.SignalCliTables.Identity;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** What the rows of an account of signal-cli say about one of its identities. */
final class RawSignalCli extends RawTables {

    private final boolean isAci;
    private final String number;

    RawSignalCli(Identity identity) {
        isAci = identity == Identity.ACI;
        number = isAci ? "0" : "1";
    }

    @Override
    Map<String, List<String>> tables() {
        List<String> own = List.of("account_id_type", number);
        Map<String, List<String>> tables = new LinkedHashMap<>();
        List.of("pre_key", "signed_pre_key", "kyber_pre_key", "session").forEach(table -> tables.put(table, own));
        tables.put("identity", List.of()); // after the sessions, which say what devices there are
        if (isAci) {
            List.of("sender_key", "group_v2", "key_value").forEach(table -> tables.put(table, List.of()));
        }
        return tables;
    }

    @Override
    List<String> others() {
        return isAci ? List.of("sender_key_shared") : List.of();
    }

    @Override
    boolean isJson(String type) {
        return type.equals("signal-cli");
    }

    @Override
    Map<String, Object> says(String table, Map<String, Object> row) {
        Map<String, Object> says = new HashMap<>();
        ObjectNode details = StrictJson.object();
        switch (table) {
            case "pre_key" -> {
                says.put("pre-key/" + number(row, "key_id"), pair(row));
                if (row.get("stale_timestamp") != null) {
                    says.put(
                            "signal-cli/pre_key/" + number(row, "key_id"),
                            details.put("staleTimestamp", number(row, "stale_timestamp")));
                }
            }
            case "signed_pre_key" -> {
                long time = row.get("timestamp") == null ? 0 : number(row, "timestamp");
                says.put(
                        "signed-pre-key/" + number(row, "key_id"),
                        new SignedPreKey(pair(row), bytes(row, "signature"), time));
            }
            case "kyber_pre_key" -> {
                String id = Long.toString(number(row, "key_id"));
                boolean isLastResort = number(row, "is_last_resort") == 1;
                says.put("kyber-pre-key/" + id, bytes(row, "serialized"));
                if (!isLastResort) {
                    says.put("libsignal-one-time-kyber-pre-key/" + id, new byte[0]);
                }
                details.put("isLastResort", isLastResort);
                if (row.get("timestamp") != null) {
                    details.put("timestamp", number(row, "timestamp"));
                }
                if (row.get("stale_timestamp") != null) {
                    details.put("staleTimestamp", number(row, "stale_timestamp"));
                }
                says.put("signal-cli/kyber_pre_key/" + id, details);
            }
            case "session" -> says.put("session/" + address(row), bytes(row, "record"));
            case "identity" -> {
                for (long device : devices(text(row, "address"))) {
                    says.put("identity-key/" + row.get("address") + "." + device, bytes(row, "identity_key"));
                }
                details.put("trustLevel", number(row, "trust_level"))
                        .put("addedTimestamp", number(row, "added_timestamp"));
                says.put("signal-cli/identity/" + row.get("address"), details);
            }
            case "sender_key" -> {
                String id = distribution(row) + ":" + address(row);
                says.put("sender-key/" + id, bytes(row, "record"));
                details.put("createdTimestamp", number(row, "created_timestamp"));
                says.put("signal-cli/sender_key/" + id, details);
            }
            case "group_v2" -> {
                details.put("masterKey", Buffers.base64(bytes(row, "master_key")))
                        .put("distributionId", distribution(row));
                says.put("signal-cli/group_v2/" + Buffers.base64(bytes(row, "group_id")), details);
            }
            default -> {
                Object value = row.get("value");
                if (value instanceof byte[] bytes) {
                    details.put("bytes", Buffers.base64(bytes));
                } else if (value instanceof Double number) {
                    details.put("value", number);
                } else if (value instanceof String text) {
                    details.put("value", text);
                } else if (value == null) {
                    details.putNull("value");
                } else {
                    details.put("value", number(row, "value"));
                }
                says.put("signal-cli/key_value/" + text(row, "key"), details);
            }
        }
        return says;
    }

    /** The rows of a distribution become two entries. */
    @Override
    Map<String, Object> saysTogether(Set<String> named) {
        Map<String, Map<String, Boolean>> memory = new HashMap<>();
        Map<String, ObjectNode> times = new HashMap<>();
        int rowNumber = 0;
        for (Map<String, Object> row : rows("sender_key_shared")) {
            if (!named.contains("sender_key_shared row " + ++rowNumber)) {
                String address = address(row);
                String distribution = distribution(row);
                memory.computeIfAbsent(distribution, id -> new HashMap<>()).put(address, true);
                times.computeIfAbsent(distribution, id -> StrictJson.object()).put(address, number(row, "timestamp"));
            }
        }
        Map<String, Object> says = new HashMap<>();
        memory.forEach((distribution, devices) -> says.put("sender-key-memory/" + distribution, devices));
        times.forEach((distribution, node) -> says.put("signal-cli/sender_key_shared/" + distribution, node));
        return says;
    }

    private Set<Long> devices(String address) {
        Set<Long> devices = new HashSet<>(Set.of(1L));
        for (Map<String, Object> row : rows("session")) {
            if (address.equals(row.get("address")) && isCarried(row)) {
                devices.add(number(row, "device_id"));
            }
        }
        return devices;
    }

    private static KeyPair pair(Map<String, Object> row) {
        return new KeyPair(bytes(row, "public_key"), bytes(row, "private_key"));
    }

    private static String address(Map<String, Object> row) {
        return text(row, "address") + "." + number(row, "device_id");
    }

    private static String distribution(Map<String, Object> row) {
        ByteBuffer id = ByteBuffer.wrap(bytes(row, "distribution_id"));
        return new UUID(id.getLong(), id.getLong()).toString();
    }
}
