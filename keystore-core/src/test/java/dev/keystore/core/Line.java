package dev.keystore.core;

import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.Gate;
import java.util.concurrent.Callable;

/** Commits that stand in the queue, in the order in which they were added, behind one that the backend holds. */
final class Line {

    private final Gate gate;
    private final Threads.Running<Boolean> held;

    private Line(Gate gate, Threads.Running<Boolean> held) {
        this.gate = gate;
        this.held = held;
    }

    static Line behind(Faults faults, Runnable commit) throws InterruptedException {
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> held = Threads.run(commit);
        gate.awaitReached();
        return new Line(gate, held);
    }

    Threads.Running<Boolean> add(Runnable commit) {
        return Threads.run(commit).awaitCommitting();
    }

    /** Adds a commit whose thread then says whether it was interrupted. */
    Threads.Running<Boolean> addWatchingInterrupts(Runnable commit) {
        Callable<Boolean> work = () -> {
            commit.run();
            return Thread.currentThread().isInterrupted();
        };
        return Threads.start(work).awaitCommitting();
    }

    /** Lets the backend write the first one; the others are the next group. */
    void advance() throws Exception {
        gate.open();
        held.result();
    }
}
