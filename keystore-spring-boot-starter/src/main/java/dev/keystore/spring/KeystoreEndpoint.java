package dev.keystore.spring;

import dev.keystore.LoadFailedException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.ContextInspection;
import dev.keystore.core.ContextReport;
import dev.keystore.core.KeyStoreStats;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;

/**
 * Shows what {@code keystore inspect} shows, of the database that is open: names of contexts and ids, but no byte of a
 * value. Takes no context over.
 */
@Endpoint(id = "keystore")
final class KeystoreEndpoint {

    /** The maximum number of contexts that are listed. */
    static final int CONTEXTS_LISTED = 1_000;

    private final SignalKeyDatabase database;
    private final InstantSource clock;

    KeystoreEndpoint(SignalKeyDatabase database, InstantSource clock) {
        this.database = database;
        this.clock = clock;
    }

    /**
     * Returns what is known of the store without reading its entries.
     *
     * @param name a context to be shown instead, as {@link #context} does; for a name with an empty part between or
     *     after slashes, which Boot removes from a path. Both generations of Boot have another annotation for null
     */
    @ReadOperation
    public @Nullable Map<String, @Nullable Object> store(@org.springframework.lang.Nullable @Nullable String name) {
        return name == null ? store() : contextNamed(name);
    }

    private Map<String, @Nullable Object> store() {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        StoreInspection store = database.inspection();
        json.put("encryption", store.encryption().map(Enum::name).orElse(null));
        json.put("namesHidden", store.hidesNames());
        listContexts(store, json);
        json.put("open", database.openContexts().size());
        json.put("lost", database.lostContexts().size());
        json.put("stale", database.staleContexts().size());
        json.put("unwritable", database.unwritableContexts().size());
        json.put("statistics", statistics());
        return json;
    }

    /**
     * Reads all entries of a context, which takes a while if there are many.
     *
     * @return null if the context holds nothing, or the backend cannot have a context of this name
     */
    @ReadOperation
    public @Nullable Map<String, @Nullable Object> context(
            @Selector(match = Selector.Match.ALL_REMAINING) String... context) {
        return contextNamed(String.join("/", context));
    }

    private @Nullable Map<String, @Nullable Object> contextNamed(String name) {
        StoreInspection store = database.inspection();
        ContextInspection found;
        try {
            found = store.inspect(name);
        } catch (IllegalArgumentException e) {
            return null;
        }
        boolean isEmpty = found.entries() == 0 && found.isIntact();
        return isEmpty ? null : ContextReport.of(store, found, clock.instant()).toMap();
    }

    private static void listContexts(StoreInspection store, Map<String, @Nullable Object> json) {
        List<String> names = new ArrayList<>();
        boolean more = false;
        String unlisted = null;
        try (Stream<String> listed = store.contexts()) {
            Iterator<String> each = listed.iterator();
            while (!more && each.hasNext()) {
                more = names.size() == CONTEXTS_LISTED;
                if (!more) {
                    names.add(each.next());
                }
            }
        } catch (LoadFailedException | UnreadableEntryException | UnsupportedOperationException e) {
            unlisted = String.valueOf(e.getMessage());
        }
        json.put("contexts", names);
        json.put("furtherContexts", more);
        json.put("unlisted", unlisted);
    }

    private Map<String, Object> statistics() {
        KeyStoreStats stats = database.stats();
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("commits", stats.commits());
        json.put("writes", stats.writes());
        json.put("largestGroup", stats.largestGroup());
        json.put("retries", stats.retries());
        json.put("conflicts", stats.conflicts());
        json.put("loads", stats.loads());
        json.put("cachedBytes", stats.cachedBytes());
        json.put("maximumCacheBytes", database.options().maximumCacheBytes());
        return json;
    }
}
