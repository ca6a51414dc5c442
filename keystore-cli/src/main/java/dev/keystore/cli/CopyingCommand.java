package dev.keystore.cli;

import dev.keystore.ContextOwnedException;
import dev.keystore.KeyStoreException;
import dev.keystore.StaleStoreException;
import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import dev.keystore.core.CopyIncompleteException;
import dev.keystore.core.CopyProgress;
import dev.keystore.core.CopyReport;
import dev.keystore.core.CopyReport.ContextResult;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.SignalKeyDatabase;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A command that reads the contexts of one store and writes them to another. */
abstract class CopyingCommand implements Callable<Integer>, Looking {

    @Option(names = "--context", paramLabel = "CONTEXT", description = "Only this context. Can be repeated.")
    private Set<String> contexts = new LinkedHashSet<>();

    @Option(names = "--yes", description = "Ask nothing.")
    private boolean yes;

    @Mixin
    private final StoreOptions store = new StoreOptions();

    @Mixin
    private final TargetOptions targetStore = new TargetOptions();

    @Mixin
    private final Output output = new Output();

    /** How many contexts are in the target by now. */
    private long copied;

    /** What {@code --json} prints of the contexts that are in the target. */
    private final List<Map<String, Object>> digests = new ArrayList<>();

    /** Whether entries were read; they are written next. */
    private boolean begun;

    @Override
    public final Integer call() {
        output.addBackends();
        return run();
    }

    /** Runs the command, and returns its exit code. */
    abstract int run();

    @Override
    public boolean onlyLooks() {
        return false;
    }

    /** Returns the contexts that were named; empty if all are meant. */
    final Set<String> contexts() {
        return contexts;
    }

    final StoreOptions store() {
        return store;
    }

    final TargetOptions targetStore() {
        return targetStore;
    }

    final Output output() {
        return output;
    }

    /** Asks for confirmation, unless that was given; throws as {@link Confirmation#require} does. */
    final void confirm(String what, String word) {
        if (!yes) {
            Confirmation.require(List.of(what), word, "confirm by --yes");
        }
    }

    /** Shows how far a copy is. */
    final void show(Progress progress, CopyProgress at) {
        begun |= at.entries() > 0;
        progress.at(at.contexts(), at.allContexts(), at.entries());
    }

    /** Counts a context that is in the target, and keeps its digests for {@code --json}. */
    final void count(ContextResult result) {
        if (result.outcome().isCopied()) {
            copied++;
            if (output.isJson()) {
                digests.add(digests(result));
            }
        }
    }

    /** Opens the target of a dry run, in which nothing is written; one that does not exist is as if it were empty. */
    static WrittenStore openReadingOnly(SignalKeyDatabase.Builder target) {
        try {
            return WrittenStore.open(target.readingOnly());
        } catch (StoreNotFoundException e) {
            return WrittenStore.open(
                    SignalKeyDatabase.builder().backend(new MissingTarget()).readingOnly());
        }
    }

    /**
     * Returns the report of a copy, whether or not all contexts were copied.
     *
     * @param copy counts the contexts
     * @param mayHaveWritten whether it may have changed something before it threw an exception, if no entry was read
     * @throws Resumable if it failed after something may have been changed
     */
    final CopyReport report(Supplier<CopyReport> copy, Predicate<RuntimeException> mayHaveWritten) {
        try {
            return copy.get();
        } catch (CopyIncompleteException e) {
            return e.report();
        } catch (RuntimeException e) {
            throw begun || copied > 0 || mayHaveWritten.test(e) ? new Resumable(e) : e;
        }
    }

    /** Returns whether a failure is another one than those of a context that is refused before it is written. */
    static boolean mayHaveWritten(RuntimeException failure) {
        return failure instanceof KeyStoreException
                && !(failure instanceof ContextOwnedException)
                && !(failure instanceof StaleStoreException)
                && !(failure instanceof StoreOpenException);
    }

    /** Sets whether a store whose owners are alive is refused. */
    static void refuseOwned(boolean refused, SignalKeyDatabase.Builder... stores) {
        if (refused) {
            List.of(stores).forEach(SignalKeyDatabase.Builder::refuseOwned);
        }
    }

    static int exitCode(CopyReport report) {
        return report.isComplete() ? ExitCodes.DONE : ExitCodes.FINDINGS;
    }

    /** Prints the contexts that were not copied, as text. */
    final void printNotCopied(String what, List<ContextResult> results) {
        results.forEach(result ->
                output.line(what + ": \"" + Text.visible(result.context()) + "\": " + Text.visible(reason(result))));
    }

    /** Prints how many contexts had each outcome, and for a dry run what it comes to, as text. */
    final void printOutcomes(CopyReport report) {
        new TreeMap<>(report.contexts())
                .forEach((outcome, number) ->
                        output.line("%-14s %s".formatted(words(outcome), Text.count(number, "context"))));
        if (report.dryRun()) {
            output.line("Would be in the target: " + totals(report) + ". Nothing was changed.");
        }
    }

    private static String words(Outcome outcome) {
        return outcome.name().toLowerCase(Locale.ROOT).replace('_', ' ') + ":";
    }

    static String totals(CopyReport report) {
        return Text.count(report.entries(), "entry") + ", " + Text.bytes(report.bytes());
    }

    /**
     * Prints a report as JSON: the totals, the contexts that were not copied, and the digests of the others.
     *
     * @param toDo what has to be done next, or null
     */
    final void printJson(CopyReport report, String notCopied, @Nullable String toDo) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("dryRun", report.dryRun());
        json.put("contexts", report.contexts());
        json.put("entries", report.entries());
        json.put("bytes", report.bytes());
        json.put(notCopied, json(report.notCopied()));
        json.put("digests", digests);
        if (toDo != null) {
            json.put("toDo", toDo);
        }
        output.out().println(Json.of(json));
    }

    /** Returns the digests of a context by its types (R91). */
    private static Map<String, Object> digests(ContextResult result) {
        Map<String, Object> types = new LinkedHashMap<>();
        new TreeMap<>(result.types()).forEach((type, digest) -> {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("entries", digest.entries());
            json.put("bytes", digest.bytes());
            json.put("sha256", digest.sha256());
            types.put(type, json);
        });
        Map<String, Object> context = new LinkedHashMap<>();
        context.put("context", result.context());
        context.put("outcome", result.outcome());
        context.put("types", types);
        return context;
    }

    /** Returns why a context was not copied, with the option of this command instead of the method of the library. */
    private static String reason(ContextResult result) {
        return Text.withCommands(result.reason()).replace("replacing()", "--replace");
    }

    static List<Map<String, Object>> json(List<ContextResult> results) {
        return results.stream().map(CopyingCommand::json).toList();
    }

    private static Map<String, Object> json(ContextResult result) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("context", result.context());
        json.put("outcome", result.outcome());
        json.put("reason", reason(result));
        return json;
    }
}
