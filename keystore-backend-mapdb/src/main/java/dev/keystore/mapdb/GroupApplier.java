package dev.keystore.mapdb;

import dev.keystore.mapdb.Change.Clear;
import dev.keystore.mapdb.Change.Delete;
import java.util.ArrayList;
import java.util.List;

/** Applies the changes of a group to MapDB's map, in steps that are short enough for readers to wait for. */
final class GroupApplier {

    /** The maximum number of changes that a reader waits for. */
    private static final int STEP_CHANGES = 16;

    private static final long STEP_BYTES = 1 << 14;

    private final ReaderGate readers;

    GroupApplier(ReaderGate readers) {
        this.readers = readers;
    }

    /**
     * Applies changes a few at a time. Readers see the whole group in {@link UnappliedGroups} until all its changes are
     * in the map.
     */
    void apply(WorkingMap current, List<Change> changes) {
        for (int from = 0, to; from < changes.size(); from = to) {
            to = endOfStep(changes, from);
            List<Change> step = changes.subList(from, to);
            if (step.get(0) instanceof Clear clear) {
                clear(current, clear);
            } else {
                readers.exclude(new Runnable() {
                    @Override
                    public void run() {
                        for (Change change : step) {
                            current.apply(change);
                        }
                    }
                });
            }
        }
    }

    private static int endOfStep(List<Change> changes, int from) {
        int to = from + 1;
        long bytes = changes.get(from).bytes();
        while (to < changes.size()
                && to < from + STEP_CHANGES
                && bytes < STEP_BYTES
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
            List<byte[]> page = current.page(clear.context(), last, WorkingMap.PAGE_SIZE);
            if (page.isEmpty()) {
                return;
            }
            List<Change> deletes = new ArrayList<>();
            for (byte[] key : page) {
                if (!clear.keptTypes().contains(StoredKey.typeOf(key))) {
                    deletes.add(new Delete(key));
                }
            }
            apply(current, deletes);
            last = page.get(page.size() - 1);
        }
    }
}
