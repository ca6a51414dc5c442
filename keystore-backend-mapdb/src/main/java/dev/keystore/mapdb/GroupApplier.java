package dev.keystore.mapdb;

import dev.keystore.mapdb.Change.Clear;
import dev.keystore.mapdb.Change.Delete;
import java.util.List;

/** Applies the changes of a group to MapDB's map, in steps that are short enough for readers to wait for. */
final class GroupApplier {

    /** How many changes a reader waits for. */
    private static final int CHANGES_AT_ONCE = 16;

    private static final long BYTES_AT_ONCE = 1 << 14;

    private final ReaderGate readers;

    GroupApplier(ReaderGate readers) {
        this.readers = readers;
    }

    /**
     * Applies changes a few at a time: until all changes of a group are in the map, readers see it in the groups not
     * applied.
     */
    void apply(WorkingMap current, List<Change> changes) {
        for (int from = 0, to; from < changes.size(); from = to) {
            to = endOfFew(changes, from);
            List<Change> few = changes.subList(from, to);
            if (few.get(0) instanceof Clear clear) {
                clear(current, clear);
            } else {
                readers.exclude(() -> few.forEach(current::apply));
            }
        }
    }

    private static int endOfFew(List<Change> changes, int from) {
        int to = from + 1;
        long bytes = changes.get(from).bytes();
        while (to < changes.size()
                && to < from + CHANGES_AT_ONCE
                && bytes < BYTES_AT_ONCE
                && !(changes.get(to) instanceof Clear)
                && !(changes.get(from) instanceof Clear)) {
            bytes += changes.get(to).bytes();
            to++;
        }
        return to;
    }

    private void clear(WorkingMap current, Clear clear) {
        byte[] last = null;
        while (true) {
            List<byte[]> page = current.page(clear.context(), last);
            if (page.isEmpty()) {
                return;
            }
            apply(
                    current,
                    page.stream()
                            .filter(key -> !clear.keptTypes().contains(StoredKey.typeOf(key)))
                            .<Change>map(Delete::new)
                            .toList());
            last = page.get(page.size() - 1);
        }
    }
}
