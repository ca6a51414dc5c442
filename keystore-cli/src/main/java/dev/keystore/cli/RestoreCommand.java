package dev.keystore.cli;

import dev.keystore.StoreOpenException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.CopyIncompleteException;
import dev.keystore.core.CopyReport.ContextResult;
import dev.keystore.core.RestoreReport;
import dev.keystore.core.RestoreReport.LeftOutContext;
import dev.keystore.core.RestoreReport.RestoredContext;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import dev.keystore.core.StoreRestore;
import dev.keystore.core.StoreRestore.MissingRules;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a live store of a backup. */
@Command(
        name = "restore",
        description = {
            "Makes a new store of a backup, of any backend, without what must not be used twice: sessions, sender",
            "keys and one-time pre-keys are dropped. Make sure that no process uses the lost store any more.",
            "An interrupted restore continues when it is run again."
        })
final class RestoreCommand extends CopyingCommand {

    private static final String UPLOAD = "Each client must upload new pre-keys before it continues: the server still"
            + " issues those that were dropped. Sessions begin anew.";

    @Parameters(index = "0", paramLabel = "FILE", description = "The backup.")
    private Path file = Path.of("");

    @Parameters(index = "1", paramLabel = "URL", description = "The new store.")
    private String target = "";

    @Option(
            names = "--without-rules",
            description = "Keep credentials of other clients as they are: they hold no counter of ids.")
    private boolean withoutRules;

    /** What {@code --json} prints of the restored contexts. */
    private final List<Map<String, Object>> restored = new ArrayList<>();

    @Override
    int run() {
        BackupCommand.requireFileName(file);
        targetStore().lookAt(target);
        String url = "jdbc:sqlite:" + file;
        try (StoreInspection found = store().inspect(url)) {
            targetStore().requireEncryptedLike(found);
        }
        SignalKeyDatabase.Builder from = store().secrets().builder(url).readingBackup();
        SignalKeyDatabase.Builder to = targetStore().secrets().builder(target);
        try (WrittenStore backup = WrittenStore.open(from);
                Progress progress = output().progress("Restoring")) {
            requireContexts(backup.database());
            StoreRestore restore = restore(backup.database(), to, progress);
            requireRules(restore);
            confirm("If a process still uses the store that was backed up, its accounts break.", "restore");
            return run(restore, progress);
        }
    }

    /**
     * Refuses if the backup does not hold a context that was named.
     *
     * @throws dev.keystore.ContextNotFoundException if so
     */
    private void requireContexts(SignalKeyDatabase backup) {
        for (String name : contexts()) {
            try {
                backup.forExistingContext(name);
            } catch (UnreadableEntryException e) {
                // It exists; the restore reports it.
            }
        }
    }

    /** Refuses if counters of ids would be kept as they are, so that ids would be issued twice. */
    private void requireRules(StoreRestore restore) {
        try {
            restore.missingRules(withoutRules).ifPresent(RestoreCommand::refuse);
        } catch (StoreOpenException e) { // its cause may be an error, which is nothing that failed midway
            throw new Refusal(String.valueOf(e.getMessage()));
        }
    }

    private static void refuse(MissingRules missing) {
        String context = "Context \"" + missing.context() + "\" holds ";
        if (missing.isOfLibsignal()) {
            throw new Refusal(context + "an account of keystore-libsignal, and only the rules in that module can"
                    + " advance its counters of pre-key ids; without them, ids would be issued twice. Put"
                    + " keystore-libsignal and the jars that it needs into a folder, and name it with"
                    + " --backends FOLDER. Nothing was changed");
        }
        throw new Refusal(context + "credentials that no rules of a restore apply to; if they count pre-key ids, as"
                + " those of Baileys do, ids would be issued twice. Put the jar with their RestoreRules into a folder,"
                + " and name it with --backends FOLDER; if they count nothing, use --without-rules. Nothing was"
                + " changed");
    }

    private StoreRestore restore(SignalKeyDatabase backup, SignalKeyDatabase.Builder to, Progress progress) {
        StoreRestore restore = StoreRestore.from(backup)
                .to(to)
                .listener(at -> show(progress, at))
                .onContext(context -> {
                    progress.clear();
                    print(context);
                });
        if (!contexts().isEmpty()) {
            restore.contexts(contexts());
        }
        return restore;
    }

    private int run(StoreRestore restore, Progress progress) {
        try {
            RestoreReport report = restore.run();
            progress.clear();
            print(report);
            return isFinding(report) ? ExitCodes.FINDINGS : ExitCodes.DONE;
        } catch (CopyIncompleteException e) {
            progress.clear();
            print(e.report().notCopied());
            return ExitCodes.INTERRUPTED;
        } catch (RuntimeException e) {
            throw restore.hasBegun() ? new Resumable(e) : e;
        }
    }

    /** Returns whether entries that were left out may be in no other store, or nothing was restored since all were. */
    private static boolean isFinding(RestoreReport report) {
        return report.leftOut().stream().anyMatch(LeftOutContext::arriving)
                || (report.contexts() == 0 && !report.leftOut().isEmpty());
    }

    private void print(RestoredContext context) {
        if (output().isJson()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("context", context.context());
            one.put("entries", context.entries());
            one.put("dropped", new TreeMap<>(context.dropped()));
            one.put("changed", new TreeMap<>(context.changed()));
            restored.add(one);
            return;
        }
        output().line("Context \"" + Text.visible(context.context()) + "\": " + Text.count(context.entries(), "entry")
                + " restored; dropped: " + words(context.dropped())
                + (context.changed().isEmpty() ? "" : "; changed: " + words(context.changed())));
    }

    private static String words(Map<String, Long> types) {
        return types.isEmpty()
                ? "nothing"
                : new TreeMap<>(types)
                        .entrySet().stream()
                                .map(type -> Text.visible(type.getKey()) + ": " + Text.number(type.getValue()))
                                .collect(Collectors.joining(", "));
    }

    private void print(RestoreReport report) {
        if (output().isJson()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("contexts", restored);
            json.put("entries", report.entries());
            json.put("bytes", report.bytes());
            json.put("dropped", new TreeMap<>(report.dropped()));
            json.put("notRestored", List.of());
            json.put(
                    "leftOut",
                    report.leftOut().stream().map(RestoreCommand::json).toList());
            json.put("toDo", UPLOAD);
            output().out().println(Json.of(json));
            return;
        }
        report.leftOut()
                .forEach(each -> output().line("Left out: \"" + Text.visible(each.context()) + "\": "
                        + Text.visible(each.reason()) + (each.arriving() ? ", with --context" : "")));
        output().line("In the new store, verified: " + Text.count(report.contexts(), "context") + " with "
                + Text.count(report.entries(), "entry") + ", " + Text.bytes(report.bytes()));
        output().line("Dropped: " + words(report.dropped()));
        output().line("To do: " + UPLOAD);
    }

    private static Map<String, Object> json(LeftOutContext context) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("context", context.context());
        json.put("arriving", context.arriving());
        json.put("reason", context.reason());
        return json;
    }

    private void print(List<ContextResult> notRestored) {
        String toDo = "The new store cannot be opened yet. Run the command again with --context for each context"
                + " that can be restored.";
        if (output().isJson()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("contexts", restored);
            json.put("notRestored", json(notRestored));
            json.put("toDo", toDo);
            output().out().println(Json.of(json));
            return;
        }
        printNotCopied("Not restored", notRestored);
        output().line("To do: " + toDo);
    }
}
