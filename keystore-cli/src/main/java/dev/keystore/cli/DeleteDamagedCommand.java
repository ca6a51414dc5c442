package dev.keystore.cli;

import dev.keystore.EntryId;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.ContextInspection;
import dev.keystore.core.ContextInspection.Damage;
import dev.keystore.core.ContextInspection.Kind;
import dev.keystore.core.ContextReport;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Deletes the damaged entries of a context. */
@Command(
        name = "delete-damaged",
        description = {
            "Deletes the damaged entries of a context, or one of them, in one commit.",
            "An entry that can be read is never deleted."
        })
final class DeleteDamagedCommand extends StoreCommand {

    private static final Map<String, KeyType<?>> TYPES =
            KeyTypes.all().stream().collect(Collectors.toMap(KeyType::name, Function.identity()));

    /** The type of what the engine compares with a freshness anchor. */
    private static final String FRESHNESS = "_fresh";

    /** What is lost with a damaged entry, as docs/operating.md says it. */
    private static final Map<String, String> LOST = Map.of(
            "session", "the ratchet with one device",
            "sender-key", "messages of one member in one group, until the key is sent again",
            "pre-key", "sessions that a peer is about to start with it",
            "signed-pre-key", "sessions that a peer is about to start with it",
            "kyber-pre-key", "sessions that a peer is about to start with it",
            "identity-key", "what was known of the peer's identity",
            "app-state-sync-key", "the synchronization of that collection",
            "app-state-sync-version", "the synchronization of that collection");

    @Parameters(index = "1", paramLabel = "CONTEXT", description = "The context.")
    private String context = "";

    @Parameters(index = "2", arity = "0..1", paramLabel = "TYPE", description = "The type of the only entry to delete.")
    private @Nullable String type;

    @Parameters(index = "3", arity = "0..1", paramLabel = "ID", description = "Its id.")
    private @Nullable String id;

    @Option(names = "--take-over", description = "Delete them even if the owner is alive; it is fenced.")
    private boolean takeOver;

    /** How many damaged entries of the context were not named when it was looked at last. */
    private long notNamed;

    @Override
    int run() {
        if (type != null && id == null) {
            throw output().wrongUsage("Missing required parameter: ID of the entry");
        }
        List<Damage> damaged;
        try (StoreInspection inspected = store().inspect(url())) {
            if (!takeOver) {
                Owners.requireNone(inspected, context);
            }
            ContextInspection found = inspected.inspect(context);
            requireReadableKeys(found);
            damaged = chosen(inspected, found);
        }
        List<EntryId> deletable = damaged.stream()
                .filter(DeleteDamagedCommand::canBeDeleted)
                .map(Damage::entry)
                .toList();
        if (deletable.isEmpty()) {
            throw new Refusal(
                    damaged.isEmpty()
                            ? "Context \"" + context + "\": "
                                    + (type == null
                                            ? "no entry is damaged"
                                            : "entry " + type + "/" + id + " does not exist or is not damaged")
                                    + "; nothing was changed"
                            : kept(damaged.get(0)) + "; nothing was changed");
        }
        if (!isConfirmed()) {
            Confirmation.require(lost(deletable), context, "confirm by --yes");
        }
        return report(delete(deletable));
    }

    /** Refuses if the entries may be intact, and only the data keys of the context are damaged. */
    private void requireReadableKeys(ContextInspection found) {
        for (Damage damage : found.damaged()) {
            if (damage.kind() == Kind.KEYS_UNREADABLE) {
                throw new Refusal(
                        "Context \"" + context + "\": " + ContextReport.advice(damage) + "; nothing was changed");
            }
        }
    }

    /** Returns the damaged entries that are meant, and records how many more an inspection did not name. */
    private List<Damage> chosen(StoreInspection store, ContextInspection found) {
        if (type == null || id == null) {
            notNamed = InspectionText.damagedNotNamed(found);
            return found.damaged();
        }
        EntryId only = new EntryId(type, id);
        List<Damage> named = found.damaged().stream()
                .filter(each -> each.entry().equals(only))
                .toList();
        return named.isEmpty() && InspectionText.damagedNotNamed(found) > 0
                ? damage(store, only).stream().toList()
                : named;
    }

    private Optional<Damage> damage(StoreInspection store, EntryId entry) {
        if (!isDeletable(entry.type())) {
            return Optional.empty();
        }
        try {
            store.<Optional<?>>read(context, reader -> reader.find(typeOf(entry), entry.id()));
            return Optional.empty();
        } catch (UnreadableEntryException e) {
            return Optional.of(new Damage(entry, Kind.CORRUPT, String.valueOf(e.getMessage())));
        }
    }

    /** Returns whether an entry is damaged for good, and is not one that the context depends on. */
    private static boolean canBeDeleted(Damage damage) {
        return damage.kind() != Kind.NOT_LOADED && isDeletable(damage.entry().type());
    }

    private static KeyType<?> typeOf(EntryId entry) {
        KeyType<?> known = TYPES.get(entry.type());
        return known == null ? KeyType.ofBytes(entry.type()) : known;
    }

    private static boolean isDeletable(String type) {
        try {
            return TYPES.containsKey(type)
                    || (!type.equals("credentials")
                            && KeyType.ofBytes(type).name().equals(type));
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static String kept(Damage damage) {
        String why = "cannot be deleted alone: link the device again, or erase the context (keystore erase)";
        if (damage.kind() == Kind.NOT_LOADED) {
            why = "could not be loaded although it is not damaged itself: " + ContextReport.advice(damage);
        } else if (damage.entry().type().equals(FRESHNESS)) {
            why = "cannot be deleted: " + ContextReport.advice(damage);
        }
        return "Entry " + damage.entry() + " " + why;
    }

    private List<String> lost(List<EntryId> entries) {
        List<String> lost = new ArrayList<>();
        lost.add("This cannot be undone. Context \"" + context + "\" loses "
                + Text.count(entries.size(), "damaged entry") + ":");
        entries.forEach(entry ->
                lost.add("  " + entry + ": " + LOST.getOrDefault(entry.type(), "what its client stored in it")));
        if (notNamed > 0) {
            lost.add("Not among them: " + Text.count(notNamed, "further damaged entry") + ". Run the command again to"
                    + " delete more.");
        }
        return lost;
    }

    /** What became of entries that were damaged when they were confirmed to be lost. */
    record Deletion(List<EntryId> deleted, List<EntryId> readable) {}

    /** Deletes entries in one commit, except those that can be read by now: their owner has written them again. */
    Deletion delete(List<EntryId> entries) {
        SignalKeyDatabase.Builder builder = store().existing(url());
        try (WrittenStore written = WrittenStore.open(takeOver ? builder : builder.refuseOwned())) {
            SignalKeyDatabase database = written.database();
            SignalKeyStore opened = takeOver ? database.takeOver(context) : database.forContext(context);
            return opened.transaction("delete-damaged", tx -> {
                List<EntryId> deleted = new ArrayList<>();
                List<EntryId> readable = new ArrayList<>();
                for (EntryId entry : entries) {
                    KeyType<?> each = typeOf(entry);
                    try {
                        if (tx.find(each, entry.id()).isPresent()) {
                            readable.add(entry);
                        }
                    } catch (UnreadableEntryException e) {
                        tx.delete(each, entry.id());
                        deleted.add(entry);
                    }
                }
                return new Deletion(deleted, readable);
            });
        }
    }

    /** Reads the context again, since an entry whose true name is unknown was not deleted. */
    private int report(Deletion deletion) {
        List<Damage> left;
        try (StoreInspection inspected = store().inspect(url())) {
            left = chosen(inspected, inspected.inspect(context));
        }
        deletion.deleted().forEach(entry -> output().line("Deleted: " + Text.visible(entry.toString())));
        deletion.readable()
                .forEach(entry ->
                        output().line("Not deleted, it can be read by now: " + Text.visible(entry.toString())));
        left.forEach(each -> output().line("Still damaged: " + Text.visible(each.reason())));
        if (notNamed > 0) {
            output().line("Still damaged: " + Text.count(notNamed, "further entry"));
        }
        if (output().isJson()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("context", context);
            json.put("deleted", json(deletion.deleted()));
            json.put("readable", json(deletion.readable()));
            json.put("stillDamaged", json(left.stream().map(Damage::entry).toList()));
            json.put("furtherDamagedEntries", notNamed);
            output().out().println(Json.of(json));
        }
        return left.isEmpty() ? ExitCodes.DONE : ExitCodes.FINDINGS;
    }

    private static List<Map<String, Object>> json(List<EntryId> entries) {
        return entries.stream().map(DeleteDamagedCommand::json).toList();
    }

    private static Map<String, Object> json(EntryId entry) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("type", entry.type());
        json.put("id", entry.id());
        return json;
    }
}
