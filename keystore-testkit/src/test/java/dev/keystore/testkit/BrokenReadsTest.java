package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.PrefixScan;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Backends with faulty bulk loads or prefix scans fail exactly the test that names the fault (R64). */
class BrokenReadsTest {

    @Test
    @DisplayName("R64 a prefix that is used as a pattern is detected")
    void scan_byPattern() {
        Verdict.assertFails(
                () -> new Delegating.Scanning() {
                    @Override
                    public Stream<String> scan(String context, String type, String idPrefix) {
                        String like =
                                Pattern.quote(idPrefix).replace("%", "\\E.*\\Q").replace("_", "\\E.\\Q");
                        Pattern pattern = Pattern.compile(like + ".*", Pattern.DOTALL);
                        return super.scan(context, type, "")
                                .filter(id -> pattern.matcher(id).matches());
                    }
                },
                "R60 a scan takes its prefix literally: % _ * ? [ ] \\ . ( ' and others are ordinary characters");
    }

    @Test
    @DisplayName("R64 a prefix that ignores case is detected")
    void scan_withoutCase() {
        Verdict.assertFails(
                () -> new Delegating.Scanning() {
                    @Override
                    public Stream<String> scan(String context, String type, String idPrefix) {
                        String folded = idPrefix.toLowerCase(Locale.ROOT);
                        return super.scan(context, type, "")
                                .filter(id -> id.toLowerCase(Locale.ROOT).startsWith(folded));
                    }
                },
                "R60 a scan distinguishes case and Unicode normalization");
    }

    @Test
    @DisplayName("R64 a scan with an upper bound is detected")
    void scan_boundedFromAbove() {
        Verdict.assertFails(
                () -> new Delegating.Scanning() {
                    @Override
                    public Stream<String> scan(String context, String type, String idPrefix) {
                        return super.scan(context, type, idPrefix)
                                .filter(id -> idPrefix.isEmpty() || id.compareTo(idPrefix + "\uffff") < 0);
                    }
                },
                "R60 a scan returns ids that continue with the highest Unicode characters");
    }

    @Test
    @DisplayName("R64 a scan that omits the prefix itself is detected")
    void scan_withoutThePrefixItself() {
        Verdict.assertFails(
                () -> new Delegating.Scanning() {
                    @Override
                    public Stream<String> scan(String context, String type, String idPrefix) {
                        return super.scan(context, type, idPrefix)
                                .filter(id -> !(id.equals(idPrefix) && id.startsWith("bob")));
                    }
                },
                "R60 a scan returns each id that starts with the prefix exactly once, including the prefix itself");
    }

    @Test
    @DisplayName("R64 a scan that returns ids of other types is detected")
    void scan_ofOtherTypes() {
        Verdict.assertFails(
                () -> new Delegating.Scanning() {
                    @Override
                    public Stream<String> scan(String context, String type, String idPrefix) {
                        return list(context)
                                .filter(entry -> entry.type().startsWith(type)
                                        && entry.id().startsWith(idPrefix))
                                .map(entry -> entry.id());
                    }
                },
                "R60 a scan returns only ids of the requested type");
    }

    @Test
    @DisplayName("R64 a scan that returns ids of other contexts is detected")
    void scan_ofOtherContexts() {
        Verdict.assertFails(
                () -> new Delegating.Scanning() {
                    private final Set<String> contexts = ConcurrentHashMap.newKeySet();

                    @Override
                    public void save(String context, String type, String id, byte[] value) {
                        contexts.add(context);
                        super.save(context, type, id, value);
                    }

                    @Override
                    public Stream<String> scan(String context, String type, String idPrefix) {
                        return contexts.stream().flatMap(each -> super.scan(each, type, idPrefix));
                    }
                },
                "R50 a scan returns only ids of the requested context");
    }

    @Test
    @DisplayName("R64 a snapshot that loads each entry when it gets to it is detected")
    void readSnapshot_entryByEntry() {
        Verdict.assertFails(
                () -> new Delegating.Snapshotting() {
                    @Override
                    public void readSnapshot(String context, EntryConsumer consumer) {
                        memory.list(context)
                                .toList()
                                .forEach(entry -> memory.load(context, entry.type(), entry.id())
                                        .ifPresent(value -> consumer.accept(entry, value)));
                    }
                },
                "R80 a snapshot has nothing of a commit that ends while it is read, and the next one has all of it");
    }

    @Test
    @DisplayName("R64 a bulk load with a limit on the number of ids is detected")
    void loadAll_ofSoMany() {
        Verdict.assertFails(
                () -> new Delegating.Loading() {
                    @Override
                    public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
                        if (ids.size() > 32_766) {
                            throw BackendException.permanent("too many variables", null);
                        }
                        return super.loadAll(context, type, ids);
                    }
                },
                "R1 a bulk load accepts forty thousand ids");
    }

    @Test
    @DisplayName("R64 a bulk load from an outdated snapshot is detected")
    void loadAll_fromASnapshot() {
        Verdict.assertFails(
                () -> new Delegating.Loading() {
                    private final Map<Object, Map<String, byte[]>> snapshots = new ConcurrentHashMap<>();

                    @Override
                    public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
                        return ids.size() == 3
                                ? snapshots.computeIfAbsent(ids, all -> super.loadAll(context, type, ids))
                                : super.loadAll(context, type, ids);
                    }
                },
                "R1 a bulk load returns the latest values and no deleted entries");
    }

    @Test
    @DisplayName("R64 a bulk load that returns internal arrays is detected")
    void loadAll_givesTheArraysAway() {
        Verdict.assertFails(
                () -> new Delegating.Loading() {
                    private final Map<String, byte[]> shared = new ConcurrentHashMap<>();

                    @Override
                    public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
                        Map<String, byte[]> found = super.loadAll(context, type, ids);
                        if (ids.size() == 1) {
                            found.replaceAll((id, value) -> shared.computeIfAbsent(id, first -> value));
                        }
                        return found;
                    }
                },
                "R5 changing an array from a bulk load does not change the stored value");
    }

    @Test
    @DisplayName("R64 a scan that ends after one page is detected")
    void scan_ofOnePage() {
        Verdict.assertFails(
                () -> new Delegating.Scanning() {
                    @Override
                    public Stream<String> scan(String context, String type, String idPrefix) {
                        return super.scan(context, type, idPrefix).limit(1_000);
                    }
                },
                "R60 a scan of many ids returns each once and none outside the prefix");
    }

    @Test
    @DisplayName("R64 a scan that truncates a long prefix is detected")
    void scan_cutsThePrefix() {
        Verdict.assertFails(
                () -> new Delegating.Scanning() {
                    @Override
                    public Stream<String> scan(String context, String type, String idPrefix) {
                        return super.scan(context, type, idPrefix.substring(0, Math.min(1_000, idPrefix.length())));
                    }
                },
                "R8 a prefix may be of any length and contain NUL and the limits of Unicode ranges");
    }

    @Test
    @DisplayName("R64 a closed backend whose scans and bulk loads return nothing is detected")
    void scanAndLoadAll_closedFindNothing() {
        Verdict.assertFails(
                ClosedFindsNothing::new,
                "R3 a closed backend refuses a scan or answers it correctly: no existing id is missing",
                "R3 a closed backend refuses a bulk load or answers it correctly: no existing entry is missing");
    }

    private static final class ClosedFindsNothing extends Delegating.ContextFree implements PrefixScan, BulkLoad {

        @Override
        public Stream<String> scan(String context, String type, String idPrefix) {
            return list().filter(entry -> !closed
                            && entry.type().equals(type)
                            && context.equals(PersistenceBackend.DEFAULT_CONTEXT)
                            && entry.id().startsWith(idPrefix))
                    .map(EntryId::id);
        }

        @Override
        public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
            Map<String, byte[]> found = new HashMap<>();
            if (!closed && context.equals(PersistenceBackend.DEFAULT_CONTEXT)) {
                ids.forEach(id -> load(type, id).ifPresent(value -> found.put(id, value)));
            }
            return found;
        }
    }

    @Test
    @DisplayName("R64 a listing of contexts that includes those that were only taken over is detected")
    void contexts_withOwnersOnly() {
        Verdict.assertFails(
                OwnedListing::new,
                "R55 a context that was only taken over is not listed, neither before nor after it is closed");
    }

    private static final class OwnedListing extends Delegating.Owned implements ContextListing {

        private final Set<String> owned = ConcurrentHashMap.newKeySet();

        @Override
        public long takeOver(String context) {
            owned.add(context);
            return super.takeOver(context);
        }

        @Override
        public void commit(List<Batch> group) {
            super.commit(group);
            group.forEach(batch -> owned.remove(batch.context()));
        }

        @Override
        public Stream<String> contexts() {
            return Stream.concat(memory.contexts(), owned.stream()).distinct();
        }
    }

    @Test
    @DisplayName("R64 a listing that keeps contexts whose last entry was deleted is detected")
    void contexts_withEmptyOnes() {
        Verdict.assertFails(
                () -> new Delegating.Listing() {
                    private final Set<String> known = ConcurrentHashMap.newKeySet();

                    @Override
                    public Stream<String> contexts() {
                        super.contexts().forEach(known::add);
                        return known.stream();
                    }
                },
                "R55 each context is listed once, from its first entry until its last one is deleted");
    }

    @Test
    @DisplayName("R64 a listing of contexts that includes those that were only read is detected")
    void contexts_withReadOnes() {
        Verdict.assertFails(
                () -> new Delegating.Listing() {
                    private final Set<String> loaded = ConcurrentHashMap.newKeySet();

                    @Override
                    public Optional<byte[]> load(String context, String type, String id) {
                        Optional<byte[]> found = super.load(context, type, id);
                        found.ifPresentOrElse(value -> loaded.remove(context), () -> loaded.add(context));
                        return found;
                    }

                    @Override
                    public Stream<String> contexts() {
                        return Stream.concat(super.contexts(), loaded.stream());
                    }
                },
                "R55 loading and listing a context that holds nothing does not make it appear");
    }

    @Test
    @DisplayName("R64 a listing that omits a context at the end of a page is detected")
    void contexts_losesOne() {
        Verdict.assertFails(
                () -> new Delegating.Listing() {
                    @Override
                    public Stream<String> contexts() {
                        List<String> all = super.contexts().toList();
                        return all.size() < 270
                                ? all.stream()
                                : all.stream().filter(name -> !name.equals(all.get(255)));
                    }
                },
                "R55 many contexts, some of them with many entries, are each listed once");
    }

    @Test
    @DisplayName("R64 a listing of contexts that knows only some types is detected")
    void contexts_ofSomeTypes() {
        Verdict.assertFails(
                () -> new Delegating.Listing() {
                    @Override
                    public Stream<String> contexts() {
                        return super.contexts()
                                .filter(name -> list(name)
                                        .anyMatch(entry -> !entry.type().startsWith("_")));
                    }
                },
                "R55 R72 an entry of any type counts, an empty value as well");
    }

    @Test
    @DisplayName("R64 a listing that truncates the names of contexts is detected")
    void contexts_truncated() {
        Verdict.assertFails(
                () -> new Delegating.Listing() {
                    @Override
                    public Stream<String> contexts() {
                        return super.contexts().map(name -> name.substring(0, Math.min(1_000, name.length())));
                    }
                },
                "R55 the names of contexts are listed exactly: characters, case, normalization, length");
    }
}
