package dev.keystore.core;

import dev.keystore.ContextMovedException;
import dev.keystore.KeyStoreException;
import dev.keystore.OwnershipLostException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Reports contexts that another owner has taken over to the callers that would write to them. */
final class LostContexts {

    private final Storage storage;
    private final Consumer<String> listener;

    LostContexts(Storage storage, Consumer<String> listener) {
        this.storage = storage;
        this.listener = listener;
    }

    /**
     * Returns the exception for a caller that would write to a lost context: a {@link ContextMovedException} if it was
     * taken over in order to be moved, as far as the backend can tell, and otherwise an {@link OwnershipLostException}.
     * The first call for a context that was not moved calls the listener as well.
     */
    KeyStoreException report(Context context) {
        KeyStoreException moved = movedFailure(context);
        return moved == null ? context.reportOwnershipLost(listener) : moved;
    }

    /** Returns the exception if the context was moved, else null. Asks the backend once. */
    private @Nullable KeyStoreException movedFailure(Context context) {
        if (context.refusal() instanceof ContextMovedException refusal) {
            return refusal;
        }
        MoveMark mark = context.isOwnershipLostReported() ? null : markOf(context);
        if (mark == null || mark.side() != MoveMark.Side.MOVED) {
            return null;
        }
        context.markMoved(mark.target());
        return mark.refusal(context.name());
    }

    private @Nullable MoveMark markOf(Context context) {
        try {
            return MoveMark.load(storage, context.name());
        } catch (KeyStoreException | ClosedException e) {
            return null; // the caller learns that the context is lost
        }
    }
}
