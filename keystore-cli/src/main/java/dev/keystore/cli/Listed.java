package dev.keystore.cli;

import dev.keystore.LoadFailedException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.ContextInspection;
import dev.keystore.core.StoreInspection;
import java.util.Iterator;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Goes through the contexts of a store, one of them or all, also of a damaged one. */
final class Listed {

    private Listed() {}

    /**
     * Calls with each context.
     *
     * @param chosen the only one, or null for all
     * @return why further contexts may exist; empty if there are no others
     */
    static Optional<String> forEach(StoreInspection store, @Nullable String chosen, Consumer<String> work) {
        if (chosen != null) {
            work.accept(chosen);
            return Optional.empty();
        }
        try (Stream<String> listed = store.contexts()) {
            Iterator<String> contexts = listed.iterator();
            for (String next = next(contexts); next != null; next = next(contexts)) {
                work.accept(next);
            }
            return Optional.empty();
        } catch (Ended e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    /**
     * Returns what was found of a context, if it exists.
     *
     * @throws Refusal if it was named by the user, and the store has nothing of it
     */
    static ContextInspection existing(ContextInspection found, @Nullable String chosen) {
        boolean isMissing = found.entries() == 0
                && found.isIntact()
                && found.owner().isEmpty()
                && found.move().isEmpty();
        if (isMissing && chosen != null) {
            throw new Refusal("The store has no context \"" + chosen + "\"; keystore contexts lists them");
        }
        return found;
    }

    private static @Nullable String next(Iterator<String> contexts) {
        try {
            return contexts.hasNext() ? contexts.next() : null;
        } catch (LoadFailedException | UnreadableEntryException e) {
            throw new Ended(e);
        }
    }

    /** The listing failed, after all contexts that it could name. What the work throws is not taken for that. */
    private static final class Ended extends RuntimeException {

        private static final long serialVersionUID = 1L;

        Ended(RuntimeException cause) {
            super(cause.getMessage(), cause);
        }
    }
}
