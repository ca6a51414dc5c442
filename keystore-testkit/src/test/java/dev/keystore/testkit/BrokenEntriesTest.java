package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.BackendException;
import java.math.BigDecimal;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Backends with faulty single entries fail exactly the test that names the fault (R64). */
class BrokenEntriesTest {

    @Test
    @DisplayName("R64 trimmed ids are detected")
    void ids_trimmed() {
        Verdict.assertFails(
                () -> new Folding(String::strip),
                "R8 ids that differ only in leading or trailing spaces, control characters or dots are different");
    }

    @Test
    @DisplayName("R64 ids that ignore case are detected")
    void ids_withoutCase() {
        Verdict.assertFails(
                () -> new Folding(id -> id.toLowerCase(Locale.ROOT)), "R8 ids that differ only in case are different");
    }

    @Test
    @DisplayName("R64 normalized ids are detected")
    void ids_normalised() {
        Verdict.assertFails(
                () -> new Folding(id -> Normalizer.normalize(id, Normalizer.Form.NFC)),
                "R8 ids that differ only in Unicode normalization are different");
    }

    @Test
    @DisplayName("R64 ids that are parsed as numbers are detected")
    void ids_asNumbers() {
        Verdict.assertFails(
                () -> new Folding(id -> {
                    try {
                        return new BigDecimal(id).stripTrailingZeros().toPlainString();
                    } catch (NumberFormatException e) {
                        return id;
                    }
                }),
                "R8 ids that spell the same number differently are different");
    }

    @Test
    @DisplayName("R64 ids that are replaced by their hash code are detected")
    void ids_asHashCodes() {
        Verdict.assertFails(
                () -> new Folding(id -> id.length() < 6 ? id : Integer.toString(id.hashCode())),
                "R8 ids with the same hash code are different");
    }

    @Test
    @DisplayName("R64 truncated ids are detected")
    void ids_cutOff() {
        Verdict.assertFails(
                () -> new Folding(id -> id.substring(0, Math.min(id.length(), 1_000))),
                "R8 ids may have 1,024 characters and differ only in the first or the last one");
    }

    @Test
    @DisplayName("R64 ids that are altered to fit file names are detected")
    void ids_asFileNames() {
        Verdict.assertFails(
                () -> new Folding(id -> id.replace("\\", "/").replace("C:/", "").replace("//", "/")),
                "R8 an id may contain any character: separators, patterns, quotes, NUL, line breaks, emoji",
                "R61 ids with any characters survive reopening unchanged");
    }

    @Test
    @DisplayName("R64 types and ids that are concatenated are detected")
    void typesAndIds_runTogether() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    private final Map<String, EntryId> names = new ConcurrentHashMap<>();

                    @Override
                    public Optional<byte[]> load(String type, String id) {
                        return super.load("", type + "." + id);
                    }

                    @Override
                    public void save(String type, String id, byte[] value) {
                        names.put(type + "." + id, new EntryId(type, id));
                        super.save("", type + "." + id, value);
                    }

                    @Override
                    public void delete(String type, String id) {
                        super.delete("", type + "." + id);
                    }

                    @Override
                    public Stream<EntryId> list() {
                        return super.list().map(entry -> names.get(entry.id()));
                    }
                },
                "R8 entries stay distinct when type and id are equal only after concatenation");
    }

    @Test
    @DisplayName("R64 a save that leaves the end of a longer value is detected")
    void save_keepsTheTail() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public void save(String type, String id, byte[] value) {
                        byte[] old = load(type, id).orElse(value);
                        byte[] kept = Arrays.copyOf(old, Math.max(old.length, value.length));
                        System.arraycopy(value, 0, kept, 0, value.length);
                        super.save(type, id, kept);
                    }
                },
                "R8 saving an entry again replaces its whole value, whether the new one is shorter or longer");
    }

    @Test
    @DisplayName("R64 an empty value that is treated as absent is detected, also if only closing drops it")
    void close_dropsEmptyValues() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public Optional<byte[]> load(String type, String id) {
                        return super.load(type, id).filter(value -> value.length > 0);
                    }
                },
                "R8 a value is stored byte for byte: an empty one, all 256 byte values, 1 MiB",
                "R8 saving an entry again replaces its whole value, whether the new one is shorter or longer",
                "R61 saved entries survive reopening, and deleted entries stay deleted");
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public void close() {
                        super.close();
                        list().filter(entry -> load(entry.type(), entry.id()).orElseThrow().length == 0)
                                .forEach(entry -> delete(entry.type(), entry.id()));
                    }
                },
                "R61 saved entries survive reopening, and deleted entries stay deleted");
    }

    @Test
    @DisplayName("R64 a save that keeps the caller's array is detected")
    void save_keepsTheArray() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    private final Map<EntryId, byte[]> values = new ConcurrentHashMap<>();

                    @Override
                    public Optional<byte[]> load(String type, String id) {
                        return super.load(type, id)
                                .map(value -> values.get(new EntryId(type, id)).clone());
                    }

                    @Override
                    public void save(String type, String id, byte[] value) {
                        values.put(new EntryId(type, id), value);
                        super.save(type, id, value);
                    }
                },
                "R5 changing an array after saving it does not change the stored value");
    }

    @Test
    @DisplayName("R64 a load that returns an internal array is detected")
    void load_givesTheArrayAway() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    private final Map<EntryId, byte[]> values = new ConcurrentHashMap<>();

                    @Override
                    public Optional<byte[]> load(String type, String id) {
                        return super.load(type, id).map(value -> values.get(new EntryId(type, id)));
                    }

                    @Override
                    public void save(String type, String id, byte[] value) {
                        values.put(new EntryId(type, id), value.clone());
                        super.save(type, id, value);
                    }
                },
                "R5 changing a loaded array does not change the stored value");
    }

    @Test
    @DisplayName("R64 a save that modifies the caller's array is detected")
    void save_changesTheArray() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public void save(String type, String id, byte[] value) {
                        super.save(type, id, value);
                        Arrays.fill(value, (byte) 0);
                    }
                },
                "R5 a save does not modify the array that it is given");
    }

    @Test
    @DisplayName("R64 a delete that restores the previous value is detected")
    void delete_uncoversTheValueBefore() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    private final Map<EntryId, byte[]> before = new ConcurrentHashMap<>();

                    @Override
                    public void save(String type, String id, byte[] value) {
                        load(type, id).ifPresent(old -> before.put(new EntryId(type, id), old));
                        super.save(type, id, value);
                    }

                    @Override
                    public void delete(String type, String id) {
                        super.delete(type, id);
                        Optional.ofNullable(before.remove(new EntryId(type, id)))
                                .ifPresent(old -> super.save(type, id, old));
                    }
                },
                "R8 one delete removes an entry that was saved several times");
    }

    @Test
    @DisplayName("R64 a delete by prefix is detected")
    void delete_byPrefix() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public void delete(String type, String id) {
                        list().filter(entry ->
                                        entry.type().equals(type) && entry.id().startsWith(id))
                                .forEach(entry -> super.delete(type, entry.id()));
                    }
                },
                "R16 a delete matches its id exactly, never as a prefix or a pattern");
    }

    @Test
    @DisplayName("R64 a delete that fails for an absent entry is detected")
    void delete_failsForTheAbsent() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public void delete(String type, String id) {
                        if (load(type, id).isEmpty()) {
                            throw BackendException.permanent("no such entry", null);
                        }
                        super.delete(type, id);
                    }
                },
                "R14 deleting an absent entry succeeds and changes nothing",
                "R60 a listing during writes returns every unchanged entry exactly once");
    }

    @Test
    @DisplayName("R64 contexts that are concatenated with types are detected")
    void contexts_runTogether() {
        Verdict.assertFails(
                () -> new Delegating() {
                    private String key(String context, String type, String id) {
                        return context + "/" + type + "/" + id;
                    }

                    @Override
                    public Optional<byte[]> load(String context, String type, String id) {
                        return memory.load("", "", key(context, type, id));
                    }

                    @Override
                    public void save(String context, String type, String id, byte[] value) {
                        super.save(context, type, id, value);
                        memory.save("", "", key(context, type, id), value);
                    }

                    @Override
                    public void delete(String context, String type, String id) {
                        super.delete(context, type, id);
                        memory.delete("", "", key(context, type, id));
                    }
                },
                "R50 entries stay distinct when context, type and id are equal only after concatenation");
    }

    @Test
    @DisplayName("R64 contexts that ignore case are detected")
    void contexts_withoutCase() {
        Verdict.assertFails(
                () -> new Delegating() {
                    @Override
                    public Optional<byte[]> load(String context, String type, String id) {
                        return super.load(context.toLowerCase(Locale.ROOT), type, id);
                    }

                    @Override
                    public void save(String context, String type, String id, byte[] value) {
                        super.save(context.toLowerCase(Locale.ROOT), type, id, value);
                    }
                },
                "R50 context names are compared exactly: characters, case, normalization, spaces and prefixes");
    }

    @Test
    @DisplayName("R64 a delete in all contexts is detected")
    void delete_inAllContexts() {
        Verdict.assertFails(
                () -> new Delegating() {
                    private final Set<String> contexts = ConcurrentHashMap.newKeySet();

                    @Override
                    public void save(String context, String type, String id, byte[] value) {
                        contexts.add(context);
                        super.save(context, type, id, value);
                    }

                    @Override
                    public void delete(String context, String type, String id) {
                        contexts.forEach(each -> super.delete(each, type, id));
                    }
                },
                "R50 a delete leaves other contexts unchanged",
                "R61 contexts stay separate after reopening");
    }

    @Test
    @DisplayName("R64 a stale read on another thread is detected")
    void load_staleOnOtherThreads() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    private final ThreadLocal<Map<EntryId, Optional<byte[]>>> snapshots =
                            ThreadLocal.withInitial(HashMap::new);

                    @Override
                    public Optional<byte[]> load(String type, String id) {
                        Optional<byte[]> current = super.load(type, id);
                        boolean small = current.map(value -> value.length).orElse(0) < 1_000;
                        Optional<byte[]> known =
                                small ? snapshots.get().putIfAbsent(new EntryId(type, id), current) : current;
                        return Objects.requireNonNullElse(known, current).map(byte[]::clone);
                    }

                    @Override
                    public void save(String type, String id, byte[] value) {
                        snapshots.remove();
                        super.save(type, id, value);
                    }

                    @Override
                    public void delete(String type, String id) {
                        snapshots.remove();
                        super.delete(type, id);
                    }
                },
                "R4 a load sees the completed writes of other threads");
    }

    @Test
    @DisplayName("R64 a value that is visible half-written is detected")
    void save_seenHalfWritten() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    private final ReaderSignal signal = new ReaderSignal();

                    @Override
                    public Optional<byte[]> load(String type, String id) {
                        signal.hasRead();
                        return super.load(type, id);
                    }

                    @Override
                    public void save(String type, String id, byte[] value) {
                        Optional<byte[]> old = super.load(type, id).filter(there -> there.length == 3 * 4096);
                        if (old.isPresent()) {
                            System.arraycopy(value, 0, old.get(), 0, 4096);
                            super.save(type, id, old.get());
                            signal.awaitReads();
                        }
                        super.save(type, id, value);
                    }
                },
                "R4 a load during a save returns the complete old or new value, never an older one");
    }

    @Test
    @DisplayName("R64 a listing that ends too early is detected")
    void list_endsTooSoon() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public Stream<EntryId> list() {
                        return super.list().limit(999);
                    }
                },
                "R60 a listing of ten thousand entries (one thousand without batches) returns each once");
    }

    @Test
    @DisplayName("R64 a listing that does not release its connection is detected")
    void list_keepsItsConnection() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    private final Semaphore connections = new Semaphore(20);

                    @Override
                    public Stream<EntryId> list() {
                        if (!connections.tryAcquire()) {
                            throw BackendException.transientFailure("no connection left", null);
                        }
                        Stream<EntryId> end = Stream.of(1).flatMap(one -> {
                            connections.release();
                            return Stream.empty();
                        });
                        return Stream.concat(super.list(), end);
                    }
                },
                "R60 closing listings before their end leaks no resources");
    }

    @Test
    @DisplayName("R64 a second close that fails is detected")
    void close_failsTheSecondTime() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public void close() {
                        if (closed) {
                            throw new IllegalStateException("closed");
                        }
                        super.close();
                    }
                },
                "R28 closing a closed backend has no effect and loses no data");
    }

    @Test
    @DisplayName("R64 a closed backend that reports entries as absent is detected")
    void load_closedSaysAbsent() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public Optional<byte[]> load(String type, String id) {
                        return closed ? Optional.empty() : super.load(type, id);
                    }
                },
                "R3 a closed backend refuses a load or answers it correctly: an existing entry is never absent");
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public Stream<EntryId> list() {
                        return closed ? Stream.empty() : super.list();
                    }
                },
                "R3 a closed backend refuses a listing or answers it correctly: no existing entry is missing");
    }

    @Test
    @DisplayName("R64 a closed backend that ignores writes or fails in other ways is detected")
    void write_closedIsSwallowed() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public void save(String type, String id, byte[] value) {
                        if (!closed) {
                            super.save(type, id, value);
                        }
                    }
                },
                "R28 a closed backend refuses a write or performs it: an accepted write is there after reopening");
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public Optional<byte[]> load(String type, String id) {
                        if (closed) {
                            throw new NullPointerException("connection");
                        }
                        return super.load(type, id);
                    }
                },
                "R3 a closed backend refuses a load or answers it correctly: an existing entry is never absent");
    }

    @Test
    @DisplayName("R64 a listing that ends early because its entries are deleted is detected")
    void list_endsEarlyWhereDeleted() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public Stream<EntryId> list() {
                        long all = super.list().count();
                        return super.list().takeWhile(entry -> 2 * super.list().count() >= all);
                    }
                },
                "R60 a listing returns each entry once even if the caller deletes entries while reading it");
    }

    /** Replaces each id by a function of it, and lists the id that was saved first. */
    private static final class Folding extends Delegating.ContextFree {

        private final UnaryOperator<String> fold;
        private final Map<EntryId, EntryId> names = new ConcurrentHashMap<>();

        Folding(UnaryOperator<String> fold) {
            this.fold = fold;
        }

        @Override
        public Optional<byte[]> load(String type, String id) {
            return super.load(type, fold.apply(id));
        }

        @Override
        public void save(String type, String id, byte[] value) {
            names.putIfAbsent(new EntryId(type, fold.apply(id)), new EntryId(type, id));
            super.save(type, fold.apply(id), value);
        }

        @Override
        public void delete(String type, String id) {
            super.delete(type, fold.apply(id));
        }

        @Override
        public Stream<EntryId> list() {
            return super.list().map(names::get);
        }
    }
}
