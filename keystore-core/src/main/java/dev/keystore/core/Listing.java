package dev.keystore.core;

import dev.keystore.LoadFailedException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * Wraps a stream of the backend. It throws {@link LoadFailedException} when the backend fails, or
 * {@link dev.keystore.OperationInterruptedException} when an interrupt ended the call. Exceptions that the caller's
 * stream operations throw are not translated.
 */
final class Listing<T> extends Spliterators.AbstractSpliterator<T> {

    /** The context whose entries are listed, or null if the contexts are. */
    private final @Nullable String context;

    private final Spliterator<T> backend;
    private @Nullable T next;

    private Listing(@Nullable String context, Spliterator<T> backend) {
        super(backend.estimateSize(), 0);
        this.context = context;
        this.backend = backend;
    }

    /** Returns a listing of a context's entries. */
    static <T> Stream<T> of(String context, Supplier<Stream<T>> source) {
        return wrap(context, source);
    }

    /** Returns a listing of contexts. */
    static <T> Stream<T> ofContexts(Supplier<Stream<T>> source) {
        return wrap(null, source);
    }

    private static <T> Stream<T> wrap(@Nullable String context, Supplier<Stream<T>> source) {
        Stream<T> stream = translate(context, source);
        Spliterator<T> spliterator = translate(context, stream::spliterator);
        return StreamSupport.stream(new Listing<>(context, spliterator), false).onClose(stream::close);
    }

    @Override
    public boolean tryAdvance(Consumer<? super T> action) {
        if (!translate(context, () -> backend.tryAdvance(element -> next = element))) {
            return false;
        }
        action.accept(next);
        return true;
    }

    private static <R> R translate(@Nullable String context, Supplier<R> operation) {
        try {
            return operation.get();
        } catch (ClosedException e) {
            throw e;
        } catch (RuntimeException e) {
            String list =
                    context == null ? "the list of contexts" : "the list of entries of context \"" + context + "\"";
            RuntimeException interruption = BackendFailures.asInterruption(list, e);
            if (interruption != null) {
                throw interruption;
            }
            throw context == null
                    ? new LoadFailedException("Could not read " + list + ": " + e.getMessage(), e)
                    : new LoadFailedException(context, "the list of entries", e);
        }
    }
}
