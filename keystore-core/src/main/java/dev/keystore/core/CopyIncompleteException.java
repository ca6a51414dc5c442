package dev.keystore.core;

import dev.keystore.KeyStoreException;
import dev.keystore.core.CopyReport.ContextResult;
import java.util.stream.Collectors;

/**
 * Thrown at the end of a {@link StoreCopy}, a {@link StoreMove} or a {@link StoreRestore} if contexts were not copied.
 * All others are in the target, and verified.
 *
 * <p>{@link CopyReport#notCopied} lists the contexts, with the state of each in the target. Remove the reasons, then
 * run it again: it continues with these contexts.
 */
public final class CopyIncompleteException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    private static final int CONTEXTS_NAMED = 20;

    /** What was done. */
    private final CopyReport report;

    /**
     * Creates an exception. The message names at most 20 contexts, each with the reason.
     *
     * @param report what was done
     */
    public CopyIncompleteException(CopyReport report) {
        super(message(report), null);
        this.report = report;
    }

    private static String message(CopyReport report) {
        int count = report.notCopied().size();
        String named = report.notCopied().stream()
                .limit(CONTEXTS_NAMED)
                .map(CopyIncompleteException::describe)
                .collect(Collectors.joining("; "));
        String more = count > CONTEXTS_NAMED ? "; and " + (count - CONTEXTS_NAMED) + " more" : "";
        return (count == 1 ? "1 context was" : count + " contexts were") + " not copied: " + named + more
                + "; all others are in the target; remove the reasons, and run it again";
    }

    private static String describe(ContextResult result) {
        return "\"" + result.context() + "\": " + result.reason();
    }

    /**
     * Returns what was done.
     *
     * @return the report, whose {@link CopyReport#isComplete} is false
     */
    public CopyReport report() {
        return report;
    }
}
