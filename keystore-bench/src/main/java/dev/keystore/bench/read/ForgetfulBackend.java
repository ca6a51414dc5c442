package dev.keystore.bench.read;

import dev.keystore.EntryId;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.GroupCommit;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** A backend that stores nothing, so that every hit is the cache's. Its commits can be slowed down. */
public final class ForgetfulBackend implements ContextAwareBackend, GroupCommit {

    private volatile long commitNanos;

    /** Sets how long each further commit waits. */
    void setCommitNanos(long nanos) {
        commitNanos = nanos;
    }

    @Override
    public void commit(List<Batch> group) {
        long untilNanos = System.nanoTime() + commitNanos;
        for (long left = commitNanos; left > 0; left = untilNanos - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        return Optional.empty();
    }

    @Override
    public void save(String context, String type, String id, byte[] value) {}

    @Override
    public void delete(String context, String type, String id) {}

    @Override
    public Stream<EntryId> list(String context) {
        return Stream.empty();
    }

    @Override
    public void close() {}
}
