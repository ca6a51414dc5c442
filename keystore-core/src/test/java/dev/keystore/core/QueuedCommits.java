package dev.keystore.core;

import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.Gate;
import java.util.concurrent.Callable;

/** Commits queued in the order in which they were added, behind one that is held in the backend. */
final class QueuedCommits {

    private final Gate gate;
    private final Threads.Running<Boolean> held;

    private QueuedCommits(Gate gate, Threads.Running<Boolean> held) {
        this.gate = gate;
        this.held = held;
    }

    static QueuedCommits behind(Faults faults, Runnable commit) throws InterruptedException {
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> held = Threads.run(commit);
        gate.awaitReached();
        return new QueuedCommits(gate, held);
    }

    Threads.Running<Boolean> add(Runnable commit) {
        return Threads.run(commit).awaitCommitting();
    }

    /** Adds a commit whose thread then returns its interrupt flag. */
    Threads.Running<Boolean> addWatchingInterrupts(Runnable commit) {
        Callable<Boolean> work = () -> {
            commit.run();
            return Thread.currentThread().isInterrupted();
        };
        return Threads.start(work).awaitCommitting();
    }

    /** Lets the backend write the held commit; the others form the next group. */
    void advance() throws Exception {
        gate.open();
        held.result();
    }
}
