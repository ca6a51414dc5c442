package dev.keystore.testkit;

import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Backend;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Compaction;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Writes the commits of a script to a backend, atomically as far as it supports that. Safe for use by several threads.
 */
final class CrashWriter {

    private final BackendUnderTest backend;
    private final CrashScript script;
    private final Lock turn = new ReentrantLock();

    CrashWriter(Backend opened, long seed) {
        backend = new BackendUnderTest(opened);
        script = CrashScript.of(seed, opened);
    }

    /** Writes a commit of a thread. On return, the backend has acknowledged it. */
    void commit(int thread, long number) {
        List<CrashScript.ContextWrites> parts = script.commit(thread, number);
        if (script.isContextFree()) {
            turn.lock();
        }
        try {
            write(parts);
        } finally {
            if (script.isContextFree()) {
                turn.unlock();
            }
        }
    }

    /** Compacts the backend, if it implements that. */
    void compactIfPossible() {
        if (backend.supports(Compaction.class)) {
            backend.require(Compaction.class).compact();
        }
    }

    private void write(List<CrashScript.ContextWrites> parts) {
        List<Batch> group = parts.stream()
                .map(part -> backend.batch(part.context(), part.mutations()))
                .toList();
        switch (script.shape()) {
            case GROUPS -> backend.require(GroupCommit.class).commit(group);
            case BATCHES -> group.forEach(backend.require(AtomicCommit.class)::commit);
            case SINGLE_WRITES ->
                group.forEach(batch -> batch.mutations().forEach(mutation -> writeOne(batch.context(), mutation)));
        }
    }

    private void writeOne(String context, Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            backend.entries().save(context, put.type(), put.id(), put.value());
        } else if (mutation instanceof Mutation.Delete delete) {
            backend.entries().delete(context, delete.type(), delete.id());
        } else {
            throw new AssertionError(mutation);
        }
    }
}
