package dev.keystore.spring;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.OneTimePreKeys;
import dev.keystore.core.SignalKeyDatabase;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import java.util.stream.Stream;

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

    private static final Logger LOG = System.getLogger(KeystoreHealth.class.getName());

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
            LOG.log(Level.WARNING, "The health check of the key store failed", e);
            return new Checked(DOWN, Map.of("error", e.getClass().getName()));
        }
    }

    private Checked checkReachable() {
        database.checkReachable();
        Set<String> open = database.openContexts();
        int lost = database.lostContexts().size();
        Map<String, Object> details = new LinkedHashMap<>();
        details.put("openContexts", open.size());
        details.put("lostContexts", lost);
        boolean warns = lost > 0;
        if (properties.minimumPreKeys() > 0) {
            warns |= checkPreKeys(open, details);
        }
        if (unreadable.isRegistered()) {
            long damaged = unreadable.found();
            details.put("unreadableEntries", damaged);
            warns |= damaged > 0;
        }
        if (lost > 0 && lost == open.size()) {
            return new Checked(OUT_OF_SERVICE, details);
        }
        return new Checked(warns ? WARNING : UP, details);
    }

    private boolean checkPreKeys(Set<String> open, Map<String, Object> details) {
        if (open.size() > properties.maximumContexts()) {
            details.put(FEW, "not counted: more than keystore.health.maximum-contexts are open");
            return false;
        }
        long start = nanoTime.getAsLong();
        long few = 0;
        for (String context : open) {
            if (nanoTime.getAsLong() - start > BUDGET.toNanos()) {
                String rest = "not counted: it takes more than " + BUDGET.toSeconds() + " seconds";
                details.put(FEW, few == 0 ? rest : "at least " + few + "; the rest is " + rest);
                return few > 0;
            }
            few += hasFewPreKeys(context) ? 1 : 0;
        }
        details.put(FEW, few);
        return few > 0;
    }

    private boolean hasFewPreKeys(String context) {
        SignalKeyStore store = database.forContext(context);
        long minimum = properties.minimumPreKeys();
        try {
            return hasAny(store, KeyTypes.SIGNED_PRE_KEY) // an account that others start sessions with
                    && (OneTimePreKeys.count(store, minimum) < minimum || hasFewKyberPreKeys(store, minimum));
        } catch (UnreadableEntryException e) {
            return false; // damage, which is counted as such
        }
    }

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
