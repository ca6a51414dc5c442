package dev.keystore.cli;

import dev.keystore.OperationInterruptedException;
import dev.keystore.core.BackupReport;
import dev.keystore.core.StoreBackup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes a backup. */
@Command(
        name = "backup",
        description = {
            "Writes a backup of all contexts to a file, reads it back, and gives it its name.",
            "Takes nothing over: on SQLite and PostgreSQL, it runs alongside the processes that use the store."
        })
final class BackupCommand extends StoreCommand {

    @Parameters(index = "1", paramLabel = "FILE", description = "The file to write.")
    private Path file = Path.of("");

    @Option(
            names = "--incremental",
            description = {
                "Replace FILE, if it is an earlier backup of this store, by a complete new one.",
                "Contexts that have not changed since are taken from it."
            })
    private boolean incremental;

    @Override
    int run() {
        requireFileName(file);
        boolean replaces = incremental && Files.exists(file);
        if (!incremental && Files.exists(file)) {
            throw new Refusal("File " + file + " exists: name another one, or use --incremental to replace an earlier"
                    + " backup. Nothing was changed");
        }
        try (WrittenStore source = WrittenStore.open(store().existing(url()));
                Progress progress = output().progress("Backing up")) {
            StoreBackup backup = StoreBackup.of(source.database())
                    .to(file)
                    .listener(at -> progress.at(at.contexts(), at.allContexts(), at.entries()));
            BackupReport report = (replaces ? backup.since(file).replacing() : backup).run();
            progress.clear();
            report(report);
            return ExitCodes.DONE;
        } catch (Resumable e) {
            throw e;
        } catch (RuntimeException e) {
            // While it waits for the disk, an interrupt is a failure to write.
            if (e instanceof OperationInterruptedException
                    || Thread.currentThread().isInterrupted()) {
                throw new Resumable(
                        new OperationInterruptedException("a backup to be written", e),
                        "There is no new backup. Run the same command again.");
            }
            throw e;
        }
    }

    /** Refuses a name that could not be opened as a store, since there a question mark begins the options of a URL. */
    static void requireFileName(Path file) {
        if (file.toString().indexOf('?') >= 0) {
            throw new Refusal("A backup whose path holds a question mark cannot be opened: " + file
                    + "; choose another name. Nothing was changed");
        }
    }

    private void report(BackupReport report) {
        if (output().isJson()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("file", report.file());
            json.put("contexts", report.contexts());
            json.put("unchanged", report.unchanged());
            json.put("records", report.records());
            json.put("bytes", report.bytes());
            output().out().println(Json.of(json));
            return;
        }
        String unchanged = report.unchanged() == 0 ? "" : " (" + Text.number(report.unchanged()) + " unchanged)";
        output().line("In the backup, verified: " + Text.count(report.contexts(), "context") + unchanged + " with "
                + Text.count(report.records(), "record") + ", " + Text.bytes(report.bytes()));
    }
}
