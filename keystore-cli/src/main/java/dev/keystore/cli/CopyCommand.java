package dev.keystore.cli;

import dev.keystore.core.CopyReport;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreCopy;
import dev.keystore.core.StoreInspection;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Copies contexts from one store to another, of any backends, and verifies them. */
@Command(
        name = "copy",
        description = {
            "Copies contexts to another store, of any backend, and verifies them by reading both back.",
            "Creates the target if it does not exist. The processes that use the source are fenced.",
            "Only one of the two stores may be used afterwards; move makes sure of that.",
            "An interrupted copy continues when it is run again."
        })
final class CopyCommand extends CopyingCommand {

    private static final String ONE_ONLY = "Use only one of the two stores from now on: both hold the same ratchets."
            + " To make the source refuse to be used, run keystore move instead.";

    @Parameters(index = "0", paramLabel = "SOURCE", description = "The store to copy from.")
    private String source = "";

    @Parameters(index = "1", paramLabel = "TARGET", description = "The store to copy to.")
    private String target = "";

    @Option(names = "--dry-run", description = "Say what would be done, and change nothing.")
    private boolean dryRun;

    @Option(
            names = "--replace",
            description = "Replace contexts of which the target holds other entries; those are lost.")
    private boolean replace;

    @Option(names = "--take-over", description = "Also copy contexts whose owner is alive; it is fenced.")
    private boolean takeOver;

    @Override
    public boolean onlyLooks() {
        return dryRun;
    }

    @Override
    int run() {
        targetStore().lookAt(target);
        if (!dryRun) {
            try (StoreInspection found = store().inspect(source)) {
                if (!takeOver) {
                    Owners.requireNone(found, contexts());
                }
                if (found.encryption().isPresent() && !targetStore().secrets().hasKey()) {
                    confirm(
                            "The source is encrypted, and the target will not be: whoever has its files has the keys.",
                            "plain");
                }
            }
            if (replace) {
                confirm("What the target holds of contexts that differ will be lost.", "replace");
            }
        }
        SignalKeyDatabase.Builder from = store().existing(source);
        SignalKeyDatabase.Builder to = targetStore().secrets().builder(target);
        refuseOwned(!takeOver, from, to);
        try (WrittenStore opened = WrittenStore.open(dryRun ? from.readingOnly() : from);
                WrittenStore openedTarget = dryRun ? openReadingOnly(to) : WrittenStore.open(to);
                Progress progress = output().progress(dryRun ? "Reading" : "Copying")) {
            return copy(opened.database(), openedTarget.database(), progress);
        }
    }

    private int copy(SignalKeyDatabase from, SignalKeyDatabase to, Progress progress) {
        StoreCopy copy =
                StoreCopy.from(from).to(to).listener(at -> show(progress, at)).onContext(this::count);
        if (!contexts().isEmpty()) {
            copy.contexts(contexts());
        }
        if (replace) {
            copy.replacing();
        }
        long start = System.nanoTime();
        CopyReport report = dryRun ? copy.dryRun() : report(copy::run, CopyingCommand::mayHaveWritten);
        progress.clear();
        print(report, System.nanoTime() - start);
        return exitCode(report);
    }

    private void print(CopyReport report, long nanos) {
        if (output().isJson()) {
            printJson(report, "notCopied", isToDo(report) ? ONE_ONLY : null);
            return;
        }
        printNotCopied(report.dryRun() ? "Would not copy" : "Not copied", report.notCopied());
        printOutcomes(report);
        if (!report.dryRun()) {
            output().line("In the target, verified: " + totals(report) + " ("
                    + Text.number(Progress.perSecond(report.entries(), nanos)) + " entries/s)");
        }
        if (isToDo(report)) {
            output().line("To do: " + ONE_ONLY);
        }
    }

    private static boolean isToDo(CopyReport report) {
        return !report.dryRun() && report.entries() > 0;
    }
}
