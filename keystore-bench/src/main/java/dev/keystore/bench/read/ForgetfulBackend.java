package dev.keystore.bench.read;

import dev.keystore.EntryId;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.GroupCommit;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** A backend that holds nothing, so that what is found is in the cache; its commits can be made to wait. */
public final class ForgetfulBackend implements ContextAwareBackend, GroupCommit {

    private volatile long commitNanos;

    /** Makes each commit from now on wait. */
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
