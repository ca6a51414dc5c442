package dev.keystore.cli;

import dev.keystore.ContextOwnedException;
import dev.keystore.KeyStoreException;
import dev.keystore.core.CopyIncompleteException;
import dev.keystore.core.CopyReport;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import dev.keystore.core.StoreMove;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
final class MoveCommand implements Callable<Integer> {

    @Parameters(index = "0", paramLabel = "SOURCE", description = "The store to move from.")
    private String source = "";

    @Parameters(index = "1", paramLabel = "TARGET", description = "The store to move to.")
    private String target = "";

    @Option(names = "--context", paramLabel = "CONTEXT", description = "Only this context. Can be repeated.")
    private Set<String> contexts = new LinkedHashSet<>();

    @Option(names = "--take-over", description = "Also move contexts whose owner is alive; it is fenced.")
    private boolean takeOver;

    @Option(names = "--yes", description = "Ask nothing.")
    private boolean yes;

    @Mixin
    private final StoreOptions store = new StoreOptions();

    @Mixin
    private final TargetOptions targetStore = new TargetOptions();

    @Mixin
    private final Output output = new Output();

    private long moved;

    @Override
    public Integer call() {
        output.addBackends();
        Secrets toTarget = targetStore.secrets();
        try (StoreInspection found = store.inspect(source)) {
            targetStore.requireEncryptedLike(found);
            if (!takeOver) {
                Owners.requireNone(found, contexts);
            }
        }
        if (!yes) {
            Confirmation.require("The source will refuse the contexts that are moved.", "move", "confirm by --yes");
        }
        SignalKeyDatabase.Builder from = store.existing(source);
        SignalKeyDatabase.Builder to = toTarget.builder(target);
        if (!takeOver) {
            from.refuseOwned();
            to.refuseOwned();
        }
        try (SignalKeyDatabase opened = from.open();
                SignalKeyDatabase openedTarget = to.open();
                Progress progress = output.progress("Moving")) {
            return move(opened, openedTarget, progress);
        }
    }

    private int move(SignalKeyDatabase from, SignalKeyDatabase to, Progress progress) {
        StoreMove move = StoreMove.from(from)
                .to(to, Urls.withoutSecrets(target))
                .listener(at -> progress.at(at.contexts(), at.allContexts(), at.entries()))
                .onContext(result -> moved += result.outcome().isCopied() ? 1 : 0);
        if (!contexts.isEmpty()) {
            move.contexts(contexts);
        }
        CopyReport report;
        try {
            report = move.run();
        } catch (CopyIncompleteException e) {
            report = e.report();
        } catch (RuntimeException e) {
            boolean begun = e instanceof KeyStoreException && !(e instanceof ContextOwnedException);
            if (moved > 0 || begun) {
                throw new Resumable(e);
            }
            throw e;
        }
        progress.clear();
        report(report);
        return report.isComplete() ? ExitCodes.DONE : ExitCodes.FINDINGS;
    }

    private void report(CopyReport report) {
        if (output.isJson()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("contexts", report.contexts());
            json.put("entries", report.entries());
            json.put("bytes", report.bytes());
            json.put(
                    "notMoved",
                    report.notCopied().stream().map(CopyCommand::json).toList());
            output.out().println(Json.of(json));
            return;
        }
        report.notCopied()
                .forEach(result -> output.line(
                        "Not moved: \"" + Text.visible(result.context()) + "\": " + Text.visible(result.reason())));
        output.line("In the target, verified: " + Text.count(moved, "context")
                + ". The source refuses them: delete it once no longer needed, and never use a copy of it.");
    }
}
