package dev.keystore.cli;

import dev.keystore.StoreNotFoundException;
import dev.keystore.core.CopyReport;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreCopy;
import dev.keystore.core.StoreInspection;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Copies contexts from one store to another, of any backends, and verifies them. */
@Command(
        name = "copy",
        description = {
            "Copies contexts to another store, of any backend, and verifies them by reading both back.",
            "Creates the target if it does not exist. The processes that use the source are fenced.",
            "An interrupted copy continues when it is run again."
        })
final class CopyCommand extends CopyingCommand {

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
    int run() {
        Secrets toTarget = targetStore().secrets();
        if (replace && !dryRun) {
            confirm("What the target holds of contexts that differ will be lost.", "replace");
        }
        if (!dryRun && !takeOver) {
            try (StoreInspection found = store().inspect(source)) {
                Owners.requireNone(found, contexts());
            }
        }
        if (dryRun && isMissing(toTarget)) {
            return describe();
        }
        SignalKeyDatabase.Builder from = store().existing(source);
        SignalKeyDatabase.Builder to = toTarget.builder(target);
        refuseOwned(!takeOver, from, to);
        if (dryRun) {
            List.of(from, to).forEach(SignalKeyDatabase.Builder::readingOnly);
        }
        try (SignalKeyDatabase opened = from.open();
                SignalKeyDatabase openedTarget = to.open();
                Progress progress = output().progress("Copying")) {
            return copy(opened, openedTarget, progress);
        }
    }

    /** Returns whether the target does not exist, or is empty: opening it otherwise could mark it as encrypted. */
    private boolean isMissing(Secrets toTarget) {
        try (StoreInspection found = toTarget.builder(target).openToInspect();
                Stream<String> any = found.contexts()) {
            return any.findAny().isEmpty();
        } catch (StoreNotFoundException e) {
            return true;
        }
    }

    /** Says what would be copied to a target that holds nothing. */
    private int describe() {
        long[] counts = new long[3];
        List<Map<String, Object>> notCopied = new ArrayList<>();
        try (StoreInspection found = store().inspect(source);
                Progress progress = output().progress("Reading")) {
            for (String name : contexts().isEmpty() ? names(found) : contexts()) {
                var context = found.inspect(name);
                boolean isMissing = context.isIntact() && context.entries() == 0;
                if (isMissing) {
                    notCopied.add(Map.of("context", name, "reason", "the source has no entry of it"));
                } else if (context.isIntact()) {
                    counts[0]++;
                    counts[1] += context.entries();
                    counts[2] += context.bytes();
                } else {
                    notCopied.add(
                            Map.of("context", name, "reason", "damaged", "damagedEntries", context.damagedEntries()));
                }
                progress.at(counts[0], 0, counts[1]);
            }
        }
        if (output().isJson()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("dryRun", true);
            json.put("targetIsEmpty", true);
            json.put("contexts", Map.of(Outcome.COPIED, counts[0]));
            json.put("entries", counts[1]);
            json.put("bytes", counts[2]);
            json.put("notCopied", notCopied);
            output().out().println(Json.of(json));
        } else {
            output().line("Would copy " + Text.count(counts[0], "context") + " with " + Text.count(counts[1], "entry")
                    + ", " + Text.bytes(counts[2]) + ", to a target that holds nothing. Nothing was changed.");
            notCopied.forEach(each -> output().line("Would not copy: \""
                    + Text.visible(String.valueOf(each.get("context"))) + "\": " + each.get("reason")));
        }
        return notCopied.isEmpty() ? ExitCodes.DONE : ExitCodes.FINDINGS;
    }

    private static List<String> names(StoreInspection found) {
        try (Stream<String> listed = found.contexts()) {
            return listed.toList();
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
        CopyReport report = dryRun ? copy.dryRun() : report(copy::run);
        progress.clear();
        print(report);
        return exitCode(report);
    }

    private void print(CopyReport report) {
        if (output().isJson()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("dryRun", report.dryRun());
            json.putAll(json(report, "notCopied"));
            output().out().println(Json.of(json));
            return;
        }
        printNotCopied("Not copied", report.notCopied());
        report.contexts()
                .forEach((outcome, number) ->
                        output().line("%-14s %s".formatted(words(outcome), Text.count(number, "context"))));
        output().line((report.dryRun() ? "Would be in the target: " : "In the target, verified: ")
                + Text.count(report.entries(), "entry") + ", " + Text.bytes(report.bytes())
                + (report.dryRun() ? ". Nothing was changed." : ""));
    }

    private static String words(Outcome outcome) {
        return outcome.name().toLowerCase(Locale.ROOT).replace('_', ' ') + ":";
    }
}
