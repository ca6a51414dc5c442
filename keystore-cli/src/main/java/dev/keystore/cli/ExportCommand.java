package dev.keystore.cli;

import dev.keystore.ContextNotFoundException;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.core.ContextInspection;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import dev.keystore.interop.AccountExport;
import dev.keystore.interop.ForeignStore;
import dev.keystore.interop.ForeignStoreException;
import dev.keystore.interop.SessionFormat;
import dev.keystore.interop.TransferReport;
import dev.keystore.interop.TransferReport.Outcome;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Exports an account to another store. */
@Command(
        name = "export",
        description = {
            "Exports a context to the store of another client, which must not exist, and verifies it by reading both",
            "back. Names everything that is not exported, with the reason. The context must not be used afterwards."
        })
final class ExportCommand extends TransferCommand {

    @Parameters(index = "1", paramLabel = "URL", description = "The store.")
    private String url = "";

    @Parameters(index = "2", paramLabel = "TARGET", description = "The folder or file to write.")
    private Path target = Path.of("");

    @Override
    int run() {
        SessionFormat sessions = format().exportedSessions();
        if (sessions == null) {
            throw output().wrongUsage("The format " + format() + " can only be imported");
        }
        ForeignStore to = format().at(new ForeignSource(target.toString(), null), "");
        try (StoreInspection found = store().inspect(url)) {
            if (!takesOver()) {
                Owners.requireNone(found, context());
            }
            if (isDryRun()) {
                return dryRun(found, sessions, to);
            }
        }
        boolean existed = exists();
        SignalKeyDatabase.Builder builder = store().existing(url);
        try (WrittenStore written = WrittenStore.open(takesOver() ? builder : builder.refuseOwned());
                Progress progress = output().progress("Exporting")) {
            SignalKeyDatabase database = written.database();
            KeyReader source = takesOver() ? database.takeOver(context()) : database.forExistingContext(context());
            ContextInspection inspected = database.inspection().inspect(context());
            TransferReport report =
                    described(inspected, source, sessions, progress).to(to);
            progress.clear();
            return finish(report);
        } catch (ForeignStoreException e) {
            if (!existed && exists()) {
                throw new Resumable(e, "Delete what was exported, and run the same command again.");
            }
            throw e;
        }
    }

    /** Reads the context, which is not opened, since that would take it over. */
    private int dryRun(StoreInspection found, SessionFormat sessions, ForeignStore to) {
        ContextInspection inspected = found.inspect(context());
        if (inspected.entries() + inspected.damagedEntries() == 0) {
            throw new ContextNotFoundException(context(), "any entry");
        }
        try (Progress progress = output().progress("Exporting")) {
            TransferReport report = found.read(
                    context(),
                    source -> described(inspected, source, sessions, progress).dryRun(to));
            progress.clear();
            return finish(report);
        }
    }

    /** Describes an export of every type that the context holds, so that none is left out without a word. */
    private AccountExport described(
            ContextInspection inspected, KeyReader source, SessionFormat sessions, Progress progress) {
        if (inspected.damagedEntries() > 0) {
            ContextInspection.Damage first = inspected.damaged().get(0);
            throw new Refusal("Context \"" + context() + "\" holds "
                    + Text.count(inspected.damagedEntries(), "entry")
                    + " that cannot be read; the first is " + first.entry() + ": " + first.reason()
                    + ". Nothing was exported; see keystore verify, and keystore delete-damaged");
        }
        AccountExport described = AccountExport.from(source).listener(at -> progress.at(at.items(), at.allItems()));
        inspected.types().keySet().forEach(type -> described.including(KeyType.ofBytes(type)));
        if (convertsSessions()) {
            described.convertingSessionsTo(sessions);
        }
        return described;
    }

    private boolean exists() {
        return Files.exists(target, LinkOption.NOFOLLOW_LINKS);
    }

    private int finish(TransferReport report) {
        report(report, "exported", Map.of());
        if (!report.dryRun() && report.outcome() != Outcome.NOTHING_FOUND) {
            warn("Context \"" + Text.visible(context()) + "\" must not be used again: erase it once " + target
                    + " is in use.");
        }
        return report.isComplete() ? ExitCodes.DONE : ExitCodes.FINDINGS;
    }
}
