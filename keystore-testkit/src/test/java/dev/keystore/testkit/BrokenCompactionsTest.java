package dev.keystore.testkit;

import dev.keystore.spi.BackendException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Backends with a faulty compaction fail exactly the test that names the fault (R64). */
class BrokenCompactionsTest {

    private static final String KEEPS_ENTRIES =
            "R74 a compaction changes no entry, and entries that are deleted stay absent";
    private static final String LEAVES_NO_FORMER_VALUE =
            "R74 after a compaction, no file holds a byte of a value that was replaced, deleted or cleared before";
    private static final String DURING_COMMITS =
            "R74 commits and loads continue during compactions: none is lost, and no load is stale";
    private static final String INTERRUPTED =
            "R27 R74 an interrupt during a compaction changes no entry, keeps the flag, and leaves a usable backend";
    private static final String CLOSED = "R28 a closed backend refuses to be compacted, or loses nothing by it";

    @Test
    @DisplayName("R64 a correct compaction passes")
    void correct() {
        Verdict.assertFails(Delegating.Compacting::new);
    }

    @Test
    @DisplayName("R64 a compaction that does nothing is detected")
    void doesNothing() {
        Verdict.assertFails(
                () -> new Delegating.Compacting() {
                    @Override
                    public void compact() {}
                },
                LEAVES_NO_FORMER_VALUE);
    }

    @Test
    @DisplayName("R64 a compaction that loses an entry is detected")
    void losesAnEntry() {
        Verdict.assertFails(
                () -> new Delegating.Compacting() {
                    @Override
                    public void compact() {
                        super.compact();
                        delete(Contract.CONTEXT, Contract.TYPE, "id 2");
                    }
                },
                KEEPS_ENTRIES,
                LEAVES_NO_FORMER_VALUE,
                DURING_COMMITS,
                INTERRUPTED,
                CLOSED);
    }

    @Test
    @DisplayName("R64 a compaction that refuses commits permanently is detected")
    void refusesCommits() {
        Verdict.assertFails(
                () -> new Delegating.Compacting() {
                    private final AtomicBoolean compacting = new AtomicBoolean();
                    private final ReaderSignal signal = new ReaderSignal();

                    @Override
                    public void save(String context, String type, String id, byte[] value) {
                        signal.hasRead();
                        if (compacting.get()) {
                            throw BackendException.permanent("it is being compacted", null);
                        }
                        super.save(context, type, id, value);
                    }

                    @Override
                    public void compact() {
                        compacting.set(true);
                        signal.awaitReads();
                        compacting.set(false);
                        super.compact();
                    }
                },
                DURING_COMMITS);
    }

    @Test
    @DisplayName("R64 a compaction that clears the interrupt flag is detected")
    void clearsTheFlag() {
        Verdict.assertFails(
                () -> new Delegating.Compacting() {
                    @Override
                    public void compact() {
                        boolean unused = Thread.interrupted();
                        super.compact();
                    }
                },
                INTERRUPTED);
    }
}
