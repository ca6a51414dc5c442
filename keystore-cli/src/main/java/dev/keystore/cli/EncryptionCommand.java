package dev.keystore.cli;

import dev.keystore.core.EncryptionProgress;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreEncryption;
import dev.keystore.core.StoreInspection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** A job on the encryption of a store. */
abstract class EncryptionCommand extends StoreCommand {

    @Option(names = "--take-over", description = "Take contexts over from owners that are alive; they are fenced.")
    private boolean takeOver;

    private long rewritten;

    /** Returns the word for what is being done, for example "Encrypting". */
    abstract String progressLabel();

    /** Opens the store to look for living owners. */
    StoreInspection inspectFirst() {
        return store().inspect(url());
    }

    /** Returns how the store is opened. */
    abstract SignalKeyDatabase.Builder builder();

    abstract EncryptionProgress job(StoreEncryption encryption, Consumer<EncryptionProgress> listener);

    @Override
    final int run() {
        if (!store().secrets().hasKey()) {
            throw output().wrongUsage("A root key is needed: --key-file, --passphrase-env or --passphrase");
        }
        if (!takeOver) {
            try (StoreInspection found = inspectFirst()) {
                Owners.requireNone(found);
            }
        }
        EncryptionProgress done;
        try (SignalKeyDatabase database = builder().open();
                Progress progress = output().progress(progressLabel())) {
            if (takeOver) {
                takeOverAll(database);
            }
            done = job(database.encryption(), at -> {
                rewritten = Math.max(rewritten, at.rewritten());
                progress.at(at.contexts(), at.allContexts(), at.entries());
            });
        } catch (RuntimeException e) {
            if (rewritten > 0) {
                throw new Resumable(e);
            }
            throw e;
        }
        report(done);
        return ExitCodes.DONE;
    }

    private static void takeOverAll(SignalKeyDatabase database) {
        List<String> names;
        try (Stream<String> listed = database.contexts()) {
            names = listed.toList();
        }
        names.forEach(database::takeOver);
    }

    private void report(EncryptionProgress done) {
        if (output().isJson()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("contexts", done.contexts());
            json.put("entries", done.entries());
            json.put("rewritten", done.rewritten());
            output().out().println(Json.of(json));
        } else {
            output().line("Done: " + Text.count(done.contexts(), "context") + ", " + Text.count(done.entries(), "entry")
                    + ", rewritten: " + Text.number(done.rewritten()));
        }
    }
}
