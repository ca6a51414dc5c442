package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.StoreOpenException;
import dev.keystore.core.RestoreReport.LeftOutContext;
import dev.keystore.spi.RestoreRules;
import dev.keystore.spi.RestoreRules.BackedUp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What a restore carries of the entries of a backup: the rules of all providers, and the default (R84). */
final class Restoration {

    /** The types whose entries must not be used again after others were made from them. */
    private static final Set<String> DROPPED = Stream.of(
                    KeyTypes.SESSION, KeyTypes.PRE_KEY, KeyTypes.SENDER_KEY, KeyTypes.SENDER_KEY_MEMORY)
            .map(KeyType::name)
            .collect(Collectors.toUnmodifiableSet());

    private final List<RestoreRules> rules;
    private final int idMargin;
    private final boolean named;
    private final Map<String, MoveMark> leftOut = new LinkedHashMap<>();

    /**
     * Creates what is carried.
     *
     * @param named whether the contexts were named: then, those whose move to the store that was backed up had not
     *     ended are restored as well
     */
    Restoration(List<RestoreRules> rules, int idMargin, boolean named) {
        this.rules = List.copyOf(rules);
        this.idMargin = idMargin;
        this.named = named;
    }

    /**
     * Returns whether a context with a mark is restored, and records it if not. One that was moved away continues where
     * it is.
     */
    boolean carries(String context, MoveMark mark) {
        boolean carried = carries(mark, named);
        if (!carried) {
            leftOut.put(context, mark);
        }
        return carried;
    }

    /** Returns whether a context with a mark is restored. */
    static boolean carries(MoveMark mark, boolean named) {
        return named && mark.side() == MoveMark.Side.ARRIVING;
    }

    /** Returns the contexts that were left out because of their marks, in the order in which they were found. */
    List<LeftOutContext> leftOut() {
        return leftOut.entrySet().stream()
                .map(each -> leftOut(each.getKey(), each.getValue()))
                .toList();
    }

    private static LeftOutContext leftOut(String context, MoveMark mark) {
        boolean arriving = mark.side() == MoveMark.Side.ARRIVING;
        String reason = arriving
                ? "its move to the store that was backed up had not ended; if the store that it was moved from still"
                        + " opens it, move it again, and if that store is lost, restore the context by its name into"
                        + " another new store"
                : "it was moved to " + mark.target();
        return new LeftOutContext(context, arriving, reason);
    }

    /** Returns the rules of all providers that are registered. */
    static List<RestoreRules> registered() {
        try {
            return ServiceLoader.load(RestoreRules.class).stream()
                    .map(ServiceLoader.Provider::get)
                    .toList();
        } catch (ServiceConfigurationError | LinkageError e) {
            throw new StoreOpenException(
                    "The registered rules of a restore could not be loaded: " + reason(e)
                            + ". The jars that they need have to be with them; nothing was changed",
                    e);
        }
    }

    private static String reason(Error failure) {
        Throwable cause = failure.getCause();
        return failure instanceof ServiceConfigurationError && cause != null
                ? failure.getMessage() + ": " + cause
                : failure.toString();
    }

    /** Returns what is carried of a context that holds these entries. */
    OfContext of(Collection<EntryId> entries) {
        return new OfContext(entries);
    }

    /** What is carried of one context. Used by one thread. */
    final class OfContext {

        private final Set<EntryId> all;
        private final BackedUp context;
        private final Map<EntryId, byte[]> added = new HashMap<>();
        private final List<EntryId> kept = new ArrayList<>();
        private final Map<String, Long> dropped = new TreeMap<>();
        private final Map<String, Long> changed = new TreeMap<>();

        private OfContext(Collection<EntryId> entries) {
            all = new HashSet<>(entries);
            context = new BackedUp(all::contains, idMargin);
            for (EntryId entry : entries) {
                if (keeps(entry)) {
                    kept.add(entry);
                } else {
                    dropped.merge(entry.type(), 1L, Long::sum);
                }
            }
            rules.forEach(each -> each.added(context).forEach((entry, value) -> {
                if (!all.contains(entry)) {
                    added.put(entry, value);
                }
            }));
            kept.addAll(added.keySet());
        }

        private boolean keeps(EntryId entry) {
            List<RestoreRules> found =
                    rules.stream().filter(each -> each.applyTo(entry)).toList();
            if (found.size() > 1) {
                throw new IllegalStateException("Two rules of a restore apply to entry " + entry + ": "
                        + found.get(0).getClass().getName() + " and "
                        + found.get(1).getClass().getName() + "; have one of them on the class path");
            }
            return found.isEmpty()
                    ? !DROPPED.contains(entry.type())
                    : found.get(0).keeps(entry, context);
        }

        /** Returns the entries that are restored, in any order. */
        List<EntryId> kept() {
            return kept;
        }

        /** Returns the value of an entry that is added; null if the backup holds the entry. */
        byte @Nullable [] added(EntryId entry) {
            return added.get(entry);
        }

        /**
         * Returns the value that an entry is restored with.
         *
         * @throws IllegalArgumentException if its rules do not accept its value
         */
        byte[] restored(EntryId entry, byte[] value) {
            byte[] next = value;
            for (RestoreRules each : rules) {
                if (each.applyTo(entry)) {
                    next = each.restored(entry, value, context);
                }
            }
            if (!Arrays.equals(value, next)) {
                changed.merge(entry.type(), 1L, Long::sum);
            }
            return next;
        }

        /** Returns how many entries are not restored, by type. */
        Map<String, Long> dropped() {
            return dropped;
        }

        /**
         * Returns how many entries were restored with another value, by type; those that were added are not counted.
         */
        Map<String, Long> changed() {
            return changed;
        }
    }
}
