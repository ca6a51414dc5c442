package dev.keystore.spring;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.OneTimePreKeys;
import dev.keystore.core.SignalKeyDatabase;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks the health of the database, for the indicators of both generations of Boot. The details are counts and the
 * class of a failure: they contain no name of a context, no id and no byte of a value (R101). The message of a failure,
 * which may name a context, is logged only.
 */
final class KeystoreHealth {

    /** In use by the application, but somebody has to look at it. Answered like {@code UP}. */
    static final String WARNING = "WARNING";

    /**
     * How long pre-keys are counted. The time is checked before each context; a call of the backend may take longer, up
     * to its timeouts.
     */
    static final Duration BUDGET = Duration.ofSeconds(2);

    private static final Logger LOG = LoggerFactory.getLogger(KeystoreHealth.class);

    private static final String FEW = "contextsWithFewPreKeys";
    private static final String UP = "UP";
    private static final String DOWN = "DOWN";
    private static final String OUT_OF_SERVICE = "OUT_OF_SERVICE";

    private final SignalKeyDatabase database;
    private final UnreadableEntries unreadable;
    private final KeystoreProperties.Health properties;
    private final LongSupplier nanoTime;

    /** The contexts that had one-time Kyber pre-keys at an earlier check. A client that has none needs none. */
    private final Set<String> usesOneTimeKyber = ConcurrentHashMap.newKeySet();

    KeystoreHealth(
            SignalKeyDatabase database,
            UnreadableEntries unreadable,
            KeystoreProperties.Health properties,
            LongSupplier nanoTime) {
        this.database = database;
        this.unreadable = unreadable;
        this.properties = properties;
        this.nanoTime = nanoTime;
    }

    /**
     * What was found.
     *
     * @param status the code of a status
     * @param details its details
     */
    record Checked(String status, Map<String, Object> details) {}

    /** Reads one entry, and counts the pre-keys of the contexts that are open. */
    Checked check() {
        try {
            return checkReachable();
        } catch (RuntimeException e) {
            LOG.warn("The health check of the key store failed", e);
            return new Checked(DOWN, Map.of("error", e.getClass().getName()));
        }
    }

    private Checked checkReachable() {
        database.checkReachable();
        Set<String> open = database.openContexts();
        Set<String> lost = database.lostContexts();
        int stale = database.staleContexts().size();
        int unwritable = database.unwritableContexts().size();
        Set<String> kept = new HashSet<>(open);
        kept.removeAll(lost);
        Map<String, Object> details = new LinkedHashMap<>();
        details.put("openContexts", open.size());
        details.put("lostContexts", lost.size());
        details.put("staleContexts", stale);
        details.put("unwritableContexts", unwritable);
        int used = properties.expectTakeovers() ? kept.size() : open.size();
        int refused = used - kept.size() + stale + unwritable;
        boolean warns = refused > 0;
        if (properties.minimumPreKeys() > 0) {
            warns |= checkPreKeys(kept, details);
        }
        if (unreadable.isRegistered()) {
            long damaged = unreadable.found();
            details.put("unreadableEntries", damaged);
            warns |= damaged > 0;
        }
        if (refused > 0 && refused == used) {
            return new Checked(OUT_OF_SERVICE, details);
        }
        return new Checked(warns ? WARNING : UP, details);
    }

    private boolean checkPreKeys(Set<String> contexts, Map<String, Object> details) {
        if (contexts.size() > properties.maximumContexts()) {
            details.put(FEW, "not counted: more than keystore.health.maximum-contexts are open");
            return false;
        }
        long start = nanoTime.getAsLong();
        long few = 0;
        long uncountable = 0;
        boolean isLate = false;
        for (String context : contexts) {
            isLate = nanoTime.getAsLong() - start > BUDGET.toNanos();
            if (isLate) {
                break;
            }
            try {
                few += hasFewPreKeys(database.forContext(context)) ? 1 : 0;
            } catch (UnreadableEntryException e) {
                uncountable++; // in a store that hides names, one damaged entry is enough
            } catch (LoadFailedException e) {
                uncountable++; // the backend answers: what is wrong concerns this context
                LOG.warn("The pre-keys of a context cannot be counted", e);
            }
        }
        details.put(FEW, isLate ? few(few) : few);
        details.put("uncountableContexts", uncountable);
        return few + uncountable > 0;
    }

    private static String few(long counted) {
        String rest = "not counted: it takes more than " + BUDGET.toSeconds() + " seconds";
        return counted == 0 ? rest : "at least " + counted + "; the rest is " + rest;
    }

    private boolean hasFewPreKeys(SignalKeyStore store) {
        long minimum = properties.minimumPreKeys();
        return hasAny(store, KeyTypes.SIGNED_PRE_KEY) // an account that others start sessions with
                && (hasFewKyberPreKeys(store, minimum) || OneTimePreKeys.count(store, minimum) < minimum);
    }

    /** Also records that a context has one-time Kyber pre-keys, so each check calls it. */
    private boolean hasFewKyberPreKeys(SignalKeyStore store, long minimum) {
        if (hasAny(store, OneTimePreKeys.KYBER_MARK)) {
            usesOneTimeKyber.add(store.context());
        }
        return usesOneTimeKyber.contains(store.context()) && OneTimePreKeys.countKyber(store, minimum) < minimum;
    }

    private static boolean hasAny(SignalKeyStore store, KeyType<?> type) {
        try (Stream<String> ids = store.ids(type, "")) {
            return ids.findAny().isPresent();
        }
    }
}
