package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import dev.keystore.EntryId;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.interop.Contents.Found;
import dev.keystore.interop.SenderKeyForms.States;
import dev.keystore.interop.TransferItem.Fate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The entries of an account with sessions and sender keys in another form, and what became of each of them. */
final class SessionConversion {

    private static final Pattern LIBSIGNAL_ID = Pattern.compile(".*\\.([1-9]|[1-9][0-9]|1[01][0-9]|12[0-7])");

    private final SessionFormat target;
    private final @Nullable OwnIdentity own;
    private final long nowMillis;
    private final Contents contents = new Contents();
    private final Map<EntryId, List<String>> converted = new HashMap<>();
    private final Map<EntryId, String> refused = new HashMap<>();

    private SessionConversion(SessionFormat target, @Nullable OwnIdentity own, long nowMillis) {
        this.target = target;
        this.own = own;
        this.nowMillis = nowMillis;
    }

    static SessionConversion of(Contents source, SessionFormat target, long nowMillis) {
        SessionConversion conversion = new SessionConversion(target, OwnIdentity.of(source.credentials()), nowMillis);
        try {
            for (Found<?> found : source.entries()) {
                conversion.add(found);
            }
            byte[] credentials = source.credentials();
            if (credentials != null) {
                conversion.contents.addCredentials(Contents.CREDENTIALS, credentials, "");
            }
        } catch (DamagedException e) {
            throw new IllegalStateException("An entry was found twice: " + e.reason(), e);
        }
        return conversion;
    }

    private void add(Found<?> found) throws DamagedException {
        boolean isSession = found.type().equals(KeyTypes.SESSION);
        if (!isSession && !found.type().equals(KeyTypes.SENDER_KEY)) {
            contents.add(found);
            return;
        }
        KeyType<byte[]> type = isSession ? KeyTypes.SESSION : KeyTypes.SENDER_KEY;
        EntryId id = new EntryId(type.name(), found.id());
        ConvertedRecord record;
        try {
            record = isSession ? session(found.encoded()) : senderKey(found.encoded());
        } catch (DamagedException e) {
            refused.put(id, "it cannot be converted: " + e.reason() + "; " + Losses.of(type.name()));
            return;
        }
        if (!Arrays.equals(record.bytes(), found.encoded())) {
            converted.put(id, record.lost());
        }
        contents.add(type + "/" + found.id(), type, found.id(), record.bytes(), "");
    }

    private ConvertedRecord session(byte[] record) throws DamagedException {
        SessionFormat format = sessionFormat(record);
        if (format == target) {
            if (format == SessionFormat.LIBSIGNAL) {
                LibsignalRecords.checkSession(record);
            }
            return new ConvertedRecord(record, List.of());
        }
        SessionStates states = switch (format) {
            case BAILEYS -> BaileysSessionForm.read(record, own);
            case BAILEYS_EX -> BaileysExSessionForm.read(record, own, nowMillis);
            case WHATSMEOW -> WhatsmeowSessionForm.read(record, nowMillis);
            case LIBSIGNAL -> LibsignalSessionForm.read(record);
        };
        SessionState any =
                states.open() != null ? states.open() : states.closed().get(0);
        if (own != null && !Arrays.equals(own.publicKey(), any.localIdentity())) {
            throw new DamagedException("it belongs to another identity than the credentials");
        }
        ConvertedRecord written = switch (target) {
            case BAILEYS -> BaileysSessionForm.write(states, nowMillis);
            case BAILEYS_EX -> BaileysExSessionForm.write(states, nowMillis);
            case WHATSMEOW -> WhatsmeowSessionForm.write(states);
            case LIBSIGNAL -> LibsignalSessionForm.write(states);
        };
        return new ConvertedRecord(written.bytes(), joined(states.lost(), written.lost()));
    }

    private ConvertedRecord senderKey(byte[] record) throws DamagedException {
        SessionFormat format = senderKeyFormat(record);
        if (format == target) {
            if (format == SessionFormat.LIBSIGNAL) {
                LibsignalRecords.checkSenderKey(record);
            }
            return new ConvertedRecord(record, List.of());
        }
        States states = switch (format) {
            case BAILEYS -> SenderKeyForms.readBaileys(record);
            case BAILEYS_EX -> SenderKeyForms.readBaileysEx(record);
            case WHATSMEOW -> SenderKeyForms.readWhatsmeow(record);
            case LIBSIGNAL -> SenderKeyForms.readLibsignal(record);
        };
        byte[] written = switch (target) {
            case BAILEYS -> SenderKeyForms.writeBaileys(states.newestFirst());
            case BAILEYS_EX -> SenderKeyForms.writeBaileysEx(states.newestFirst());
            case WHATSMEOW -> SenderKeyForms.writeWhatsmeow(states.newestFirst());
            case LIBSIGNAL -> SenderKeyForms.writeLibsignal(states.newestFirst());
        };
        return new ConvertedRecord(written, states.lost());
    }

    /** Recognizes the form of a session: JSON by its field, terms by their first byte, and all else as protobuf. */
    private static SessionFormat sessionFormat(byte[] record) throws DamagedException {
        if (!isJson(record)) {
            return ErlangTerm.isTerm(record) ? SessionFormat.BAILEYS_EX : SessionFormat.LIBSIGNAL;
        }
        JsonNode node = StrictJson.read(record);
        if (node.has("_sessions")) {
            return SessionFormat.BAILEYS;
        }
        return node.has("sessions") ? SessionFormat.BAILEYS_EX : whatsmeow(node, "SessionState");
    }

    private static SessionFormat senderKeyFormat(byte[] record) throws DamagedException {
        if (!isJson(record)) {
            return ErlangTerm.isTerm(record) ? SessionFormat.BAILEYS_EX : SessionFormat.LIBSIGNAL;
        }
        if (record[0] == '[') {
            return SessionFormat.BAILEYS;
        }
        JsonNode node = StrictJson.read(record);
        return node.has("sender_key_states") ? SessionFormat.BAILEYS_EX : whatsmeow(node, "SenderKeyStates");
    }

    private static SessionFormat whatsmeow(JsonNode node, String field) throws DamagedException {
        if (!node.has(field)) {
            throw new DamagedException("it is JSON of a form that is not known");
        }
        return SessionFormat.WHATSMEOW;
    }

    private static boolean isJson(byte[] record) throws DamagedException {
        if (record.length == 0) {
            throw new DamagedException("it is empty");
        }
        return record[0] == '{' || record[0] == '[';
    }

    private static List<String> joined(List<String> first, List<String> second) {
        List<String> all = new ArrayList<>(first);
        all.addAll(second);
        return all;
    }

    /** Returns the entries. */
    Contents contents() {
        return contents;
    }

    /** Returns what became of items: those of entries that were converted, or could not be, are changed. */
    List<TransferItem> items(List<TransferItem> items) {
        List<TransferItem> changed = new ArrayList<>();
        for (TransferItem item : items) {
            EntryId id =
                    item.fate() == Fate.CARRIED && !item.id().isEmpty() ? new EntryId(item.type(), item.id()) : null;
            if (id != null && refused.containsKey(id)) {
                changed.add(changed(item, Fate.NOT_CARRIED, refused.getOrDefault(id, "")));
            } else if (id != null && converted.containsKey(id)) {
                changed.add(changed(item, Fate.CONVERTED, reason(item)));
                converted
                        .getOrDefault(id, List.of())
                        .forEach(lost -> changed.add(changed(item, Fate.NOT_CARRIED, lost)));
            } else {
                changed.add(item);
            }
        }
        return changed;
    }

    /** Returns those of the items that are not among the entries, since they could not be converted. */
    List<TransferItem> refused(List<TransferItem> items) {
        return items.stream()
                .filter(item -> !item.id().isEmpty() && refused.containsKey(new EntryId(item.type(), item.id())))
                .toList();
    }

    /** Returns the reason of an item that was converted, or that libsignal does not accept its device. */
    private String reason(TransferItem item) {
        boolean isRefused = target == SessionFormat.LIBSIGNAL
                && item.type().equals(KeyTypes.SESSION.name())
                && !LIBSIGNAL_ID.matcher(item.id()).matches();
        return isRefused
                ? "libsignal accepts devices 1 to 127 only: put this one into the name of its address"
                : item.reason();
    }

    private static TransferItem changed(TransferItem item, Fate fate, String reason) {
        return new TransferItem(item.name(), fate, item.type(), item.id(), reason);
    }
}
