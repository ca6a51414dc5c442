package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.PrefixScan;
import java.util.Collection;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/**
 * Backends that break what they claim of bulk loads and prefix scans fail the test that names the fault, alone (R64).
 */
class BrokenReadsTest {

    @Test
    @DisplayName("a prefix taken for a pattern is found")
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
                "R60 a prefix is literal: % _ * ? [ ] \\ . ( ' and others stand for themselves");
    }

    @Test
    @DisplayName("a prefix without case is found")
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
                "R60 a scan folds neither case nor normalisation");
    }

    @Test
    @DisplayName("a prefix bounded from above is found")
    void scan_boundedFromAbove() {
        Verdict.assertFails(
                () -> new Delegating.Scanning() {
                    @Override
                    public Stream<String> scan(String context, String type, String idPrefix) {
                        return super.scan(context, type, idPrefix)
                                .filter(id -> idPrefix.isEmpty() || id.compareTo(idPrefix + "\uffff") < 0);
                    }
                },
                "R60 a scan has no upper bound: what goes on with the highest characters is found");
    }

    @Test
    @DisplayName("a scan that leaves the prefix itself out is found")
    void scan_withoutThePrefixItself() {
        Verdict.assertFails(
                () -> new Delegating.Scanning() {
                    @Override
                    public Stream<String> scan(String context, String type, String idPrefix) {
                        return super.scan(context, type, idPrefix)
                                .filter(id -> !(id.equals(idPrefix) && id.startsWith("bob")));
                    }
                },
                "R60 a scan finds the ids that begin with the prefix, the prefix itself included, each once");
    }

    @Test
    @DisplayName("a scan of other types is found")
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
                "R60 a scan finds ids of its type alone");
    }

    @Test
    @DisplayName("a scan of other contexts is found")
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
                "R50 a scan finds ids of its context alone");
    }

    @Test
    @DisplayName("a bulk load that takes only so many ids is found")
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
                "R1 a bulk load takes forty thousand ids");
    }

    @Test
    @DisplayName("a bulk load from a snapshot too old is found")
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
                "R1 a bulk load sees what was written last, and nothing that was deleted");
    }

    @Test
    @DisplayName("a bulk load that gives its arrays away is found")
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
                "R5 a bulk load copies out: a loaded array that is changed changes nothing");
    }

    @Test
    @DisplayName("a scan of one page is found")
    void scan_ofOnePage() {
        Verdict.assertFails(
                () -> new Delegating.Scanning() {
                    @Override
                    public Stream<String> scan(String context, String type, String idPrefix) {
                        return super.scan(context, type, idPrefix).limit(1_000);
                    }
                },
                "R60 a scan of many ids finds each once, and none of those before and after them");
    }

    @Test
    @DisplayName("a scan that cuts a long prefix is found")
    void scan_cutsThePrefix() {
        Verdict.assertFails(
                () -> new Delegating.Scanning() {
                    @Override
                    public Stream<String> scan(String context, String type, String idPrefix) {
                        return super.scan(context, type, idPrefix.substring(0, Math.min(1_000, idPrefix.length())));
                    }
                },
                "R8 a scan takes prefixes of any length, NUL, and the ends of Unicode's ranges");
    }

    @Test
    @DisplayName("a closed backend that scans and bulk loads nothing is found")
    void scanAndLoadAll_closedFindNothing() {
        Verdict.assertFails(
                ClosedFindsNothing::new,
                "R3 a closed backend refuses, or answers right: it never scans past what is there",
                "R3 a closed backend refuses, or answers right: a bulk load never leaves out what is there");
    }

    private static final class ClosedFindsNothing extends Delegating.ContextFree implements PrefixScan, BulkLoad {

        @Override
        public Stream<String> scan(String context, String type, String idPrefix) {
            return list().filter(entry -> !closed
                            && entry.type().equals(type)
                            && context.equals(DefaultContext.NAME)
                            && entry.id().startsWith(idPrefix))
                    .map(EntryId::id);
        }

        @Override
        public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
            Map<String, byte[]> found = new HashMap<>();
            if (!closed && context.equals(DefaultContext.NAME)) {
                ids.forEach(id -> load(type, id).ifPresent(value -> found.put(id, value)));
            }
            return found;
        }
    }
}
