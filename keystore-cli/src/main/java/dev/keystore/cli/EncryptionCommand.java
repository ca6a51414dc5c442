package dev.keystore.cli;

import dev.keystore.ContextMovedException;
import dev.keystore.core.EncryptionProgress;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreEncryption;
import dev.keystore.core.StoreInspection;
import dev.keystore.spi.StoreSealing.Phase;
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

    /** Whether the store was changed, by opening it or by the job. */
    private boolean begun;

    /** Returns the word for what is being done, for example "Encrypting". */
    abstract String progressLabel();

    /** Opens the store to look for living owners. */
    StoreInspection inspectFirst() {
        return store().inspect(url());
    }

    /** Returns how the store is opened. */
    abstract SignalKeyDatabase.Builder builder();

    /** Returns whether opening the store may replace its root key. */
    boolean replacesRootKey() {
        return false;
    }

    /** Opens the store as it can be opened only as long as this command has not changed its mark. */
    StoreInspection inspectUnchanged() {
        return store().inspect(url());
    }

    abstract EncryptionProgress job(StoreEncryption encryption, Consumer<EncryptionProgress> listener);

    @Override
    final int run() {
        if (!store().secrets().hasKey()) {
            throw output().wrongUsage("A root key is needed: --key-file, --passphrase-env or --passphrase");
        }
        boolean isPlain;
        try (StoreInspection found = inspectFirst()) {
            isPlain = found.encryption().isEmpty();
            if (!takeOver) {
                Owners.requireNone(found);
            }
        }
        EncryptionProgress done;
        SignalKeyDatabase.Builder builder = builder();
        boolean opened = false;
        try (WrittenStore written = WrittenStore.open(builder);
                Progress progress = output().progress(progressLabel())) {
            opened = true;
            SignalKeyDatabase database = written.database();
            // Opening has written a mark to a plain store, and a job that has not ended has written more.
            begun = isPlain || replacesRootKey() || database.encryption().phase() != Phase.ENCRYPTED;
            if (takeOver) {
                takeOverAll(database);
            }
            done = job(database.encryption(), at -> {
                begun = true;
                progress.at(at.contexts(), at.allContexts(), at.entries());
            });
            progress.clear();
            report(done);
        } catch (Resumable e) {
            throw e;
        } catch (RuntimeException e) {
            boolean writesMark = isPlain || replacesRootKey();
            throw begun || (!opened && writesMark && isChanged()) ? new Resumable(e) : e;
        }
        return ExitCodes.DONE;
    }

    /** Returns whether the mark of the store was written, although the store could not be opened; true if unknown. */
    private boolean isChanged() {
        try {
            inspectUnchanged().close();
            return false;
        } catch (RuntimeException e) {
            return true;
        }
    }

    private static void takeOverAll(SignalKeyDatabase database) {
        List<String> names;
        try (Stream<String> listed = database.contexts()) {
            names = listed.toList();
        }
        for (String name : names) {
            try {
                database.takeOver(name);
            } catch (ContextMovedException e) {
                // No client can use it; the job rewrites it without opening it.
            }
        }
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
