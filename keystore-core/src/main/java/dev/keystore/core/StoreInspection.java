package dev.keystore.core;

import dev.keystore.KeyReader;
import dev.keystore.LoadFailedException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.ContextInspection.Damage;
import dev.keystore.spi.ContextOwner;
import dev.keystore.spi.StoreSealing.Phase;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Looks at a database, without taking a context over or writing anything, also alongside the processes that use it.
 * Opened by {@link SignalKeyDatabase.Builder#openToInspect()}; {@link SignalKeyDatabase#inspection()} is that of a
 * database which is open.
 *
 * <pre>{@code
 * try (StoreInspection store = SignalKeyDatabase.builder().url("jdbc:sqlite:keys.db").openToInspect();
 *         Stream<String> contexts = store.contexts()) {
 *     contexts.forEach(context -> System.out.println(store.inspect(context)));
 * }
 * }</pre>
 *
 * <p>Entries are read from the backend, bypassing every cache. The entries of a plain context are read by one query, if
 * the backend has snapshots, and all others in pages of 64. Concurrent commits may or may not be seen. An entry that
 * changes, or whose keys another process rotates, is read again, and is not reported as damaged for that reason.
 * Damaged databases are read as far as their backends can.
 *
 * <p>The thread that calls a method reads on it. Any number of threads may do that.
 */
public final class StoreInspection implements AutoCloseable {

    private final Engine engine;
    private final @Nullable SealedStore encrypted;
    private final boolean closesEngine;

    /**
     * Creates an inspection.
     *
     * @param closesEngine whether closing it closes the engine, since no database uses that
     */
    StoreInspection(Engine engine, boolean closesEngine) {
        this.engine = engine;
        this.encrypted = engine.encrypted();
        this.closesEngine = closesEngine;
    }

    /**
     * Returns the names of the contexts that hold at least one entry, or are refused because of a move; the same as
     * {@link SignalKeyDatabase#contexts}.
     *
     * @return a stream that the caller closes
     * @throws UnsupportedOperationException if the backend has many contexts but can't list them
     * @throws LoadFailedException if the contexts could not be listed; also thrown while the stream is read. On a
     *     damaged database, it is thrown after those that can be found
     * @throws dev.keystore.UnreadableEntryException in a store that hides names, after all other contexts, if the keys
     *     of a context cannot be read, since its name is unknown
     * @throws dev.keystore.OperationInterruptedException if the thread was interrupted; also thrown while the stream is
     *     read
     * @throws IllegalStateException if this is closed
     */
    public Stream<String> contexts() {
        engine.checkOpen();
        return engine.contexts();
    }

    /**
     * Reads and checks every entry of a context.
     *
     * @param context its name
     * @return what was found; a context without entries has none
     * @throws LoadFailedException if the backend as a whole cannot be read now; what it can't read for good is part of
     *     the result
     * @throws dev.keystore.StoreOpenException if entries could not be read, and another process has encrypted or
     *     decrypted the store since it was opened: open it again. {@link dev.keystore.KeyUnavailableException} if that
     *     needs a root key that is not at hand
     * @throws IllegalArgumentException if the backend cannot have such a context
     * @throws dev.keystore.OperationInterruptedException if the thread was interrupted
     * @throws IllegalStateException if this is closed
     */
    public ContextInspection inspect(String context) {
        return inspect(context, entries -> {});
    }

    /**
     * Reads and checks every entry of a context; throws as {@link #inspect(String)} does.
     *
     * @param context its name
     * @param progress called with the number of entries that each page had, on the calling thread; what it throws ends
     *     the inspection. If the keys of the store are rotated meanwhile, entries may be read, and reported, twice
     * @return what was found
     */
    public ContextInspection inspect(String context, LongConsumer progress) {
        engine.checkOpen();
        engine.checkContext(Objects.requireNonNull(context, "context"));
        Objects.requireNonNull(progress, "progress");
        Instant now = Instant.now();
        return engine.lookWhileKeysChange(
                () -> new ContextWalk(engine, context, now, progress), ContextInspection::isIntact);
    }

    /**
     * Reads entries of a context as {@code work} asks for them, from the backend, bypassing every cache. If another
     * process uses the context, two reads may see different states of it.
     *
     * @param context its name
     * @param work reads what it needs; the reader must not be used once it has returned
     * @param <R> what {@code work} returns
     * @return what {@code work} returned
     * @throws dev.keystore.StoreOpenException if the store is being encrypted or decrypted, and that was not accepted
     *     by {@link SignalKeyDatabase.Builder#encryptExisting()} or {@code decryptExisting()}: values that are not
     *     encrypted would be returned, whoever wrote them
     * @throws IllegalArgumentException if the backend cannot have such a context
     * @throws IllegalStateException if this is closed
     */
    public <R> R read(String context, Function<? super KeyReader, R> work) {
        engine.checkOpen();
        engine.checkContext(Objects.requireNonNull(context, "context"));
        if (encrypted != null) {
            encrypted.requireAccepted();
        }
        ContextSealer sealer = engine.unopenedSealer(context);
        try {
            return work.apply(new UncachedReader(engine, new Context(context, 0, sealer)));
        } finally {
            sealer.close();
        }
    }

    /**
     * Reads and checks what the store holds about itself and is not needed to open it: its id.
     *
     * @return what cannot be read of it; empty if all is well
     * @throws LoadFailedException if the backend as a whole cannot be read now
     * @throws dev.keystore.OperationInterruptedException if the thread was interrupted
     * @throws IllegalStateException if this is closed
     */
    public List<Damage> damagedOfStore() {
        engine.checkOpen();
        try {
            new StoreId(engine.storage, encrypted).known(); // not the id that this database remembers
            return List.of();
        } catch (UnreadableEntryException | LoadFailedException e) {
            return List.of(ContextWalk.damage(StoreEntry.ID, e));
        }
    }

    /**
     * Returns the last owner of a context, and whether it is alive.
     *
     * @param context the name of the context
     * @return the owner; empty if there is none, or the backend has no ownership
     * @throws LoadFailedException if the backend failed
     * @throws IllegalArgumentException if the backend cannot have such a context
     * @throws dev.keystore.OperationInterruptedException if the thread was interrupted
     * @throws IllegalStateException if this is closed
     */
    public Optional<ContextOwner> owner(String context) {
        engine.checkOpen();
        engine.checkContext(Objects.requireNonNull(context, "context"));
        return engine.storage.owner(context);
    }

    /**
     * Returns how far the store is encrypted. Unless it is {@link Phase#ENCRYPTED}, entries that are not encrypted
     * count as intact. An unfinished job may not have reached them; but somebody with write access may also have put
     * them there, together with a mark from the time of a job. {@link ContextInspection#entriesByKey} counts them as
     * {@code "plain"}.
     *
     * @return the phase; empty if the store is not encrypted
     */
    public Optional<Phase> encryption() {
        return encrypted == null
                ? Optional.empty()
                : Optional.of(encrypted.sealing().phase());
    }

    /**
     * Returns whether names are hidden from the backend.
     *
     * @return whether they are
     */
    public boolean hidesNames() {
        return engine.storage.names().areHidden();
    }

    /**
     * Returns whether the backend records the owners of contexts.
     *
     * @return whether it does; if not, one process at a time uses the store
     */
    public boolean hasOwners() {
        return engine.storage.hasOwnership();
    }

    /**
     * Closes the backend, and overwrites the keys. Waits for running calls for at most {@code commitTimeout}. Has no
     * effect on an inspection of a database which is open.
     */
    @Override
    public void close() {
        if (closesEngine) {
            engine.close();
        }
    }
}
