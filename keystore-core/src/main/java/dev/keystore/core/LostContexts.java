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
     * Returns the exception for a caller that would write to a lost context. The first call for a context calls the
     * listener as well.
     *
     * @throws ContextMovedException if the context was taken over in order to be moved, as far as the backend can tell
     */
    OwnershipLostException report(Context context) {
        requireNotMoved(context);
        return context.reportOwnershipLost(listener);
    }

    /** Asks the backend once. */
    private void requireNotMoved(Context context) {
        if (context.refusal() instanceof ContextMovedException refusal) {
            throw refusal;
        }
        MoveMark mark = context.isOwnershipLostReported() ? null : markOf(context);
        if (mark != null && mark.side() == MoveMark.Side.MOVED) {
            context.markMoved(mark.target());
            throw mark.refusal(context.name());
        }
    }

    private @Nullable MoveMark markOf(Context context) {
        try {
            return MoveMark.load(storage, context.name());
        } catch (KeyStoreException e) {
            return null; // the caller learns that the context is lost
        }
    }
}
