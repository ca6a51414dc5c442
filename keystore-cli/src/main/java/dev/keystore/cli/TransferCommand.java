package dev.keystore.cli;

import dev.keystore.interop.EntryDigest;
import dev.keystore.interop.TransferItem;
import dev.keystore.interop.TransferItem.Fate;
import dev.keystore.interop.TransferReport;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** An import or an export of one account. */
abstract class TransferCommand implements Callable<Integer>, Looking {

    @Parameters(index = "0", paramLabel = "FORMAT", description = "One of ${COMPLETION-CANDIDATES}.")
    private ForeignFormat format = ForeignFormat.BAILEYS;

    @Option(names = "--context", paramLabel = "CONTEXT", required = true, description = "The context in the store.")
    private String context = "";

    @Option(names = "--dry-run", description = "Say what would be done, and change nothing.")
    private boolean dryRun;

    @Option(
            names = "--convert-sessions",
            description = {
                "Convert sessions and sender keys, which are otherwise kept as they are: to the records of libsignal",
                "on import, to those of the other client on export. See docs/migrating.md for what that cannot give."
            })
    private boolean convertSessions;

    @Option(names = "--take-over", description = "Also use a context whose owner is alive; it is fenced.")
    private boolean takeOver;

    @Mixin
    private final StoreOptions store = new StoreOptions();

    @Mixin
    private final Output output = new Output();

    @Override
    public final Integer call() {
        output.addBackends();
        return run();
    }

    @Override
    public boolean onlyLooks() {
        return dryRun;
    }

    /** Runs the command, and returns its exit code. */
    abstract int run();

    final ForeignFormat format() {
        return format;
    }

    final String context() {
        return context;
    }

    final boolean isDryRun() {
        return dryRun;
    }

    final boolean convertsSessions() {
        return convertSessions;
    }

    /** Returns whether the context may be taken over, which a dry run never does. */
    final boolean takesOver() {
        return takeOver && !dryRun;
    }

    final StoreOptions store() {
        return store;
    }

    final Output output() {
        return output;
    }

    /**
     * Prints what was done.
     *
     * @param done what was done with everything that was carried, for example {@code "imported"}
     * @param further further fields of the result as JSON
     */
    final void report(TransferReport report, String done, Map<String, ? extends @Nullable Object> further) {
        if (output.isJson()) {
            Map<String, @Nullable Object> json = json(report);
            json.putAll(further);
            output.out().println(Json.of(json));
            return;
        }
        for (TransferItem item : report.items()) {
            boolean isThere = item.fate() == Fate.CARRIED || item.fate() == Fate.CONVERTED;
            if (!isThere || !item.reason().isEmpty()) {
                String what =
                        isThere ? capitalized(words(item.fate())) : "Not " + done + " (" + words(item.fate()) + ")";
                output.line(what + ": " + Text.visible(item.name()) + ": " + Text.visible(item.reason()));
            }
        }
        long entries = 0;
        for (Map.Entry<String, EntryDigest> type : new TreeMap<>(report.types()).entrySet()) {
            EntryDigest digest = type.getValue();
            entries += digest.entries();
            output.line("%-24s %s, %s"
                    .formatted(type.getKey() + ":", Text.count(digest.entries(), "entry"), Text.bytes(digest.bytes())));
        }
        long converted = report.items(Fate.CONVERTED).size();
        output.line((report.dryRun() ? "Would be " + done : capitalized(done) + ", verified") + ": "
                + Text.count(entries, "entry")
                + (converted == 0 ? "" : ", " + Text.number(converted) + " of them converted")
                + " (" + words(report.outcome()) + ")"
                + (report.dryRun() ? ". Nothing was changed." : ""));
    }

    private static Map<String, @Nullable Object> json(TransferReport report) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("dryRun", report.dryRun());
        json.put("outcome", report.outcome());
        json.put("complete", report.isComplete());
        json.put("from", report.from());
        json.put("to", report.to());
        Map<Fate, Integer> fates = new EnumMap<>(Fate.class);
        report.items().forEach(item -> fates.merge(item.fate(), 1, Integer::sum));
        json.put("fates", fates);
        Map<String, Object> types = new LinkedHashMap<>();
        new TreeMap<>(report.types()).forEach((type, digest) -> types.put(type, json(digest)));
        json.put("types", types);
        json.put("items", report.items().stream().map(TransferCommand::json).toList());
        return json;
    }

    private static Map<String, Object> json(EntryDigest digest) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("entries", digest.entries());
        json.put("bytes", digest.bytes());
        json.put("sha256", digest.sha256());
        return json;
    }

    private static Map<String, Object> json(TransferItem item) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("name", item.name());
        json.put("fate", item.fate());
        json.put("type", item.type());
        json.put("id", item.id());
        json.put("reason", item.reason());
        return json;
    }

    private static String words(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    private static String capitalized(String word) {
        return Character.toUpperCase(word.charAt(0)) + word.substring(1);
    }

    /** Warns, on the error output, that one of the two copies must not be used any more. */
    final void warn(String warning) {
        output.err()
                .println("Warning: " + warning + " Two copies of one account that are both used break its"
                        + " conversations.");
    }
}
