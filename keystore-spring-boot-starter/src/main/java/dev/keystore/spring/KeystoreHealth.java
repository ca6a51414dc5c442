package dev.keystore.spring;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.SignalKeyDatabase;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Checks the health of the database, for the indicators of both generations of Boot. The details are counts: they
 * contain no name of a context, no id and no byte of a value (R101).
 */
final class KeystoreHealth {

    /** In use by the application, but somebody has to look at it. Answered like {@code UP}. */
    static final String WARNING = "WARNING";

    private static final String UP = "UP";
    private static final String OUT_OF_SERVICE = "OUT_OF_SERVICE";

    private final SignalKeyDatabase database;
    private final UnreadableEntries unreadable;
    private final KeystoreProperties.Health properties;

    KeystoreHealth(SignalKeyDatabase database, UnreadableEntries unreadable, KeystoreProperties.Health properties) {
        this.database = database;
        this.unreadable = unreadable;
        this.properties = properties;
    }

    /**
     * What was found.
     *
     * @param status the code of a status
     * @param details its details
     */
    record Checked(String status, Map<String, Object> details) {}

    /**
     * Reads one entry, and counts the pre-keys of the contexts that are open.
     *
     * @throws RuntimeException if the backend is out of reach
     */
    Checked check() {
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
        long damaged = unreadable.found();
        details.put("unreadableEntries", damaged);
        warns |= damaged > 0;
        if (lost > 0 && lost == open.size()) {
            return new Checked(OUT_OF_SERVICE, details);
        }
        return new Checked(warns ? WARNING : UP, details);
    }

    private boolean checkPreKeys(Set<String> open, Map<String, Object> details) {
        if (open.size() > properties.maximumContexts()) {
            details.put("contextsWithFewPreKeys", "not counted: more than keystore.health.maximum-contexts are open");
            return false;
        }
        long few = open.stream().filter(this::hasFewPreKeys).count();
        details.put("contextsWithFewPreKeys", few);
        return few > 0;
    }

    private boolean hasFewPreKeys(String context) {
        SignalKeyStore store = database.forContext(context);
        try {
            return count(store, KeyTypes.SIGNED_PRE_KEY, 1) > 0 // an account that others start sessions with
                    && count(store, KeyTypes.PRE_KEY, properties.minimumPreKeys()) < properties.minimumPreKeys();
        } catch (UnreadableEntryException e) {
            return false; // damage, which is counted as such
        }
    }

    private static long count(SignalKeyStore store, KeyType<?> type, long limit) {
        try (Stream<String> ids = store.ids(type, "")) {
            return ids.limit(limit).count();
        }
    }
}
