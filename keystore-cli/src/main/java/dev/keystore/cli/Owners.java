package dev.keystore.cli;

import dev.keystore.ContextPosition;
import dev.keystore.core.ContextInspection;
import dev.keystore.core.StoreInspection;
import dev.keystore.spi.ContextOwner;
import java.util.Iterator;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The owners of contexts. */
final class Owners {

    private Owners() {}

    /**
     * Refuses if a context has an owner that is alive.
     *
     * @throws Refusal if one is alive; it names the process
     */
    static void requireNone(StoreInspection store) {
        if (!store.hasOwners()) {
            return;
        }
        try (Stream<String> listed = store.contexts()) {
            for (Iterator<String> contexts = listed.iterator(); contexts.hasNext(); ) {
                requireNone(store, contexts.next());
            }
        }
    }

    /** Refuses if one of these contexts has an owner that is alive, or any context if there are none of these. */
    static void requireNone(StoreInspection store, Set<String> contexts) {
        if (contexts.isEmpty()) {
            requireNone(store);
        } else {
            contexts.forEach(context -> requireNone(store, context));
        }
    }

    static void requireNone(StoreInspection store, String context) {
        Optional<ContextOwner> owner = store.owner(context);
        if (owner.isPresent() && owner.get().alive()) {
            throw new Refusal("Context \"" + context + "\" is in use by process "
                    + owner.get().process() + " on " + owner.get().host() + " since "
                    + owner.get().since() + "; end that process, or use --take-over. Nothing was changed");
        }
    }

    static String text(@Nullable ContextOwner owner) {
        if (owner == null) {
            return "-";
        }
        String process = owner.process() + "@" + owner.host();
        return process + (owner.alive() ? " (alive)" : " (ended)");
    }

    /** Returns the id of the last commit of a context. */
    static String lastCommit(ContextInspection context) {
        return context.position().map(ContextPosition::toString).orElse("-");
    }
}
