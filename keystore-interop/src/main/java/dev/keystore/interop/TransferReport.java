package dev.keystore.interop;

import dev.keystore.interop.TransferItem.Fate;
import java.util.List;
import java.util.Map;

/**
 * What an import or an export has done, or would do.
 *
 * @param from what was read: the foreign store, or the context
 * @param to what was written: the context, or the foreign store
 * @param dryRun whether nothing was changed, and this is what would be done (R94)
 * @param outcome what was done with the target
 * @param items everything that was found, each with what became of it (R92), in the order of the names
 * @param types what the target holds now of each type, by its name; {@code credentials} for the credentials (R91)
 */
public record TransferReport(
        String from,
        String to,
        boolean dryRun,
        Outcome outcome,
        List<TransferItem> items,
        Map<String, EntryDigest> types) {

    /** What was done with the target. */
    public enum Outcome {
        /** It held nothing, and everything that could be carried was written to it. */
        WRITTEN,
        /** What it held was replaced, as requested, in one commit. */
        REPLACED,
        /** It held the same entries already. It was not changed. */
        ALREADY_THERE,
        /** There was nothing that could be carried. It was not changed. */
        NOTHING_FOUND
    }

    /**
     * Creates a report. The collections are copied.
     *
     * @param from what was read
     * @param to what was written
     * @param dryRun whether nothing was changed
     * @param outcome what was done with the target
     * @param items everything that was found
     * @param types what the target holds now of each type
     */
    public TransferReport {
        items = List.copyOf(items);
        types = Map.copyOf(types);
    }

    /**
     * Returns the items with a fate.
     *
     * @param fate the fate
     * @return the items, in the order of their names
     */
    public List<TransferItem> items(Fate fate) {
        return items.stream().filter(item -> item.fate() == fate).toList();
    }

    /**
     * Returns whether everything was carried, apart from what is not needed.
     *
     * @return whether no item is damaged, unknown or without a place in the target
     */
    public boolean isComplete() {
        return items.stream()
                .allMatch(item ->
                        item.fate() == Fate.CARRIED || item.fate() == Fate.CONVERTED || item.fate() == Fate.NOT_NEEDED);
    }
}
