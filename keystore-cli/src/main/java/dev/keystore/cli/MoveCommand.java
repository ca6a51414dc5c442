package dev.keystore.cli;

import dev.keystore.core.CopyReport;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import dev.keystore.core.StoreMove;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Moves contexts from one store to another, of any backends; the source refuses them from then on. */
@Command(
        name = "move",
        description = {
            "Moves contexts to another store, of any backend, sessions included, and verifies them by reading both",
            "back. From then on the source refuses them. Creates the target if it does not exist.",
            "An interrupted move continues when it is run again."
        })
final class MoveCommand extends CopyingCommand {

    @Parameters(index = "0", paramLabel = "SOURCE", description = "The store to move from.")
    private String source = "";

    @Parameters(index = "1", paramLabel = "TARGET", description = "The store to move to.")
    private String target = "";

    @Option(names = "--dry-run", description = "Say what would be done, and change nothing.")
    private boolean dryRun;

    @Option(names = "--take-over", description = "Also move contexts whose owner is alive; it is fenced.")
    private boolean takeOver;

    @Override
    public boolean onlyLooks() {
        return dryRun;
    }

    @Override
    int run() {
        targetStore().lookAt(target);
        try (StoreInspection found = store().inspect(source)) {
            targetStore().requireEncryptedLike(found);
            if (!takeOver && !dryRun) {
                Owners.requireNone(found, contexts());
            }
        }
        if (!dryRun) {
            confirm("The source will refuse the contexts that are moved.", "move");
        }
        SignalKeyDatabase.Builder from = store().existing(source);
        SignalKeyDatabase.Builder to = targetStore().secrets().builder(target);
        refuseOwned(!takeOver, from, to);
        try (WrittenStore opened = WrittenStore.open(dryRun ? from.readingOnly() : from);
                WrittenStore openedTarget = dryRun ? openReadingOnly(to) : WrittenStore.open(to);
                Progress progress = output().progress(dryRun ? "Reading" : "Moving")) {
            return move(opened.database(), openedTarget.database(), progress);
        }
    }

    private int move(SignalKeyDatabase from, SignalKeyDatabase to, Progress progress) {
        StoreMove move = StoreMove.from(from)
                .to(to, Urls.lasting(target))
                .listener(at -> show(progress, at))
                .onContext(this::count);
        if (!contexts().isEmpty()) {
            move.contexts(contexts());
        }
        CopyReport report = dryRun ? move.dryRun() : report(move::run, failure -> move.hasBegun());
        progress.clear();
        print(report);
        return exitCode(report);
    }

    private void print(CopyReport report) {
        if (output().isJson()) {
            printJson(report, "notMoved", toDo(report));
            return;
        }
        printNotCopied(report.dryRun() ? "Would not move" : "Not moved", report.notCopied());
        if (report.dryRun()) {
            printOutcomes(report);
        } else {
            long before = report.contexts(Outcome.ALREADY_THERE);
            output().line("In the target, verified: " + Text.count(report.contexts(Outcome.COPIED), "context")
                    + (before == 0 ? "" : ", and moved before, not verified again: " + Text.number(before))
                    + (isMoved(report) ? ". The source refuses them." : "."));
            String toDo = toDo(report);
            if (toDo != null) {
                output().line("To do: " + toDo);
            }
        }
    }

    /** Returns what to do with the source, or null if nothing was moved. */
    private @Nullable String toDo(CopyReport report) {
        if (report.dryRun() || !isMoved(report)) {
            return null;
        }
        boolean isAll = report.isComplete() && contexts().isEmpty();
        return "Back the target up (keystore backup). Then "
                + (isAll
                        ? "delete the source once it is no longer needed"
                        : "erase in the source what was moved (keystore erase SOURCE CONTEXT); it may hold other"
                                + " contexts")
                + ". Never use a copy of the source.";
    }

    private static boolean isMoved(CopyReport report) {
        return report.contexts(Outcome.COPIED) + report.contexts(Outcome.ALREADY_THERE) > 0;
    }
}
