package dev.keystore.cli;

import dev.keystore.StoreNotFoundException;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import dev.keystore.interop.AccountImport;
import dev.keystore.interop.ForeignStore;
import dev.keystore.interop.ImportNotVerifiedException;
import dev.keystore.interop.SessionFormat;
import dev.keystore.interop.TransferReport;
import dev.keystore.interop.TransferReport.Outcome;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Imports an account from another store. */
@Command(
        name = "import",
        description = {
            "Imports an account of another client into a context, in one commit, and verifies it by reading both back.",
            "Names everything that is not imported, with the reason. Never writes to the source, and refuses it if it",
            "changes meanwhile. Creates the store if it does not exist. The source must not be used afterwards."
        })
final class ImportCommand extends TransferCommand {

    @Parameters(
            index = "1",
            paramLabel = "SOURCE",
            description = "The folder or file to import, or the URL of a database.")
    private String source = "";

    @Parameters(index = "2", paramLabel = "URL", description = "The store.")
    private String url = "";

    @Option(
            names = "--account",
            paramLabel = "ID",
            description =
                    "Which account, if SOURCE has several: the id of a device of whatsmeow; aci or pni for signal-cli.")
    private @Nullable String account;

    @Option(
            names = "--source-password-env",
            paramLabel = "NAME",
            description = "The environment variable that holds the password of a database that is imported.")
    private @Nullable String sourcePasswordEnv;

    @Option(names = "--source-password", description = "Ask for the password of a database that is imported.")
    private boolean sourcePassword;

    private @Nullable ForeignSource foreign;

    @Option(
            names = "--keep-unknown",
            description = "Keep files of unknown type of baileys as they are, so that an export writes them back.")
    private boolean keepUnknown;

    @Option(names = "--replace", description = "Replace what the context holds; it is lost.")
    private boolean replace;

    @Option(
            names = "--rename-source",
            description =
                    "Rename SOURCE after the import, so that nothing uses it again. At a terminal, it is offered.")
    private boolean renameSource;

    @Option(names = "--yes", description = "Ask nothing. SOURCE is renamed only with --rename-source.")
    private boolean yes;

    @Override
    int run() {
        if (keepUnknown && format() != ForeignFormat.BAILEYS) {
            throw output().wrongUsage("--keep-unknown is only for the format " + ForeignFormat.BAILEYS);
        }
        List<String> accounts = format().accounts(source());
        ForeignStore from = format().open(source(), accounts, account);
        if (replace && !isDryRun() && !yes) {
            Confirmation.require(
                    List.of("What context \"" + context() + "\" holds will be lost."), "replace", "confirm by --yes");
        }
        boolean isFilled = inspect();
        try (Progress progress = output().progress("Importing")) {
            AccountImport described = AccountImport.from(from).listener(at -> progress.at(at.items(), at.allItems()));
            if (keepUnknown) {
                described.keepingUnknown();
            }
            if (replace) {
                described.replacing();
            }
            if (convertsSessions()) {
                described.convertingSessionsTo(SessionFormat.LIBSIGNAL);
            }
            if (isDryRun()) {
                TransferReport report = isFilled ? dryRun(described) : described.dryRun(context());
                progress.clear();
                return finish(report, null);
            }
            RenamedSource renamed = renamed(accounts.size());
            if (!isFilled && described.dryRun(context()).outcome() == Outcome.NOTHING_FOUND) {
                throw new Refusal(from + " holds nothing that can be imported. Nothing was changed");
            }
            TransferReport report = transfer(described);
            progress.clear();
            return finish(report, renamed);
        }
    }

    /** Returns the source; always the same, so that a password is asked for once. */
    private ForeignSource source() {
        ForeignSource known = foreign;
        if (known == null) {
            if (sourcePasswordEnv != null && sourcePassword) {
                throw output().wrongUsage("Only one of --source-password-env and --source-password can be given");
            }
            known = new ForeignSource(
                    source, Secrets.password(sourcePasswordEnv, sourcePassword, "the database that is imported"));
            foreign = known;
        }
        return known;
    }

    /** Returns whether the context holds something already; refuses if it is in use. */
    private boolean inspect() {
        try (StoreInspection found = store().inspect(url)) {
            if (!takesOver()) {
                Owners.requireNone(found, context());
            }
            var inspected = found.inspect(context());
            return inspected.entries() + inspected.damagedEntries() > 0;
        } catch (StoreNotFoundException e) {
            store().createPassphrase();
            return false;
        }
    }

    /** Returns how the source is renamed afterwards; null if it is not. */
    private @Nullable RenamedSource renamed(int accounts) {
        ForeignSource from = source();
        boolean asks = !renameSource
                && !yes
                && !output().isJson()
                && !from.isDatabase()
                && Terminal.isPresent()
                && RenamedSource.whyNot(from.path(), accounts) == null;
        if (!renameSource && !asks) {
            return null;
        }
        RenamedSource renamed = RenamedSource.of(from.path(), accounts);
        return renameSource || renamed.isAccepted() ? renamed : null;
    }

    /** Compares the source with the context, which is not opened, since that would take it over. */
    private TransferReport dryRun(AccountImport described) {
        try (StoreInspection found = store().inspect(url)) {
            return found.read(context(), reader -> described.dryRun(reader));
        }
    }

    private TransferReport transfer(AccountImport described) {
        SignalKeyDatabase.Builder builder = store().secrets().builder(url);
        try (WrittenStore written = WrittenStore.open(takesOver() ? builder : builder.refuseOwned())) {
            SignalKeyDatabase database = written.database();
            var target = takesOver() ? database.takeOver(context()) : database.forContext(context());
            return described.to(target);
        } catch (ImportNotVerifiedException e) {
            throw new Resumable(e, "The context holds what was imported: erase it, and run the same command again.");
        }
    }

    private int finish(TransferReport report, @Nullable RenamedSource renamed) {
        boolean failed = false;
        Map<String, @Nullable Object> further = new LinkedHashMap<>();
        if (renamed != null) {
            failed = !renamed.rename(output().err());
            further.put("renamedTo", failed ? null : renamed.to());
        }
        report(report, "imported", further);
        if (!report.dryRun()) {
            if (renamed == null || failed) {
                warn(source() + " must not be used again: rename or delete it.");
            } else {
                output().line("Renamed to " + renamed.to());
            }
        }
        return report.isComplete() && !failed ? ExitCodes.DONE : ExitCodes.FINDINGS;
    }
}
