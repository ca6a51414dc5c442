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

/** Backends that break what they must do with single entries fail the test that names the fault, and no other (R64). */
class BrokenEntriesTest {

    @Test
    @DisplayName("trimmed ids are found")
    void ids_trimmed() {
        Verdict.assertFails(
                () -> new Folding(String::strip),
                "R8 ids that differ only in blanks, control characters or dots at an end are different");
    }

    @Test
    @DisplayName("ids without case are found")
    void ids_withoutCase() {
        Verdict.assertFails(
                () -> new Folding(id -> id.toLowerCase(Locale.ROOT)), "R8 ids that differ only in case are different");
    }

    @Test
    @DisplayName("normalised ids are found")
    void ids_normalised() {
        Verdict.assertFails(
                () -> new Folding(id -> Normalizer.normalize(id, Normalizer.Form.NFC)),
                "R8 ids that differ only in Unicode normalisation are different");
    }

    @Test
    @DisplayName("ids taken for numbers are found")
    void ids_asNumbers() {
        Verdict.assertFails(
                () -> new Folding(id -> {
                    try {
                        return new BigDecimal(id).stripTrailingZeros().toPlainString();
                    } catch (NumberFormatException e) {
                        return id;
                    }
                }),
                "R8 ids that are one number in different spellings are different");
    }

    @Test
    @DisplayName("ids known by their hash code alone are found")
    void ids_asHashCodes() {
        Verdict.assertFails(
                () -> new Folding(id -> id.length() < 6 ? id : Integer.toString(id.hashCode())),
                "R8 ids with one hash code are different");
    }

    @Test
    @DisplayName("ids cut off are found")
    void ids_cutOff() {
        Verdict.assertFails(
                () -> new Folding(id -> id.substring(0, Math.min(id.length(), 1_000))),
                "R8 ids hold 1,024 characters, and differ by their first and their last");
    }

    @Test
    @DisplayName("ids without what a file name can't hold are found")
    void ids_asFileNames() {
        Verdict.assertFails(
                () -> new Folding(id -> id.replace("\\", "/").replace("C:/", "").replace("//", "/")),
                "R8 ids hold any character: separators, patterns, quotes, NUL, line breaks, emoji",
                "R61 after close and open, ids of any character are the same");
    }

    @Test
    @DisplayName("types and ids run together are found")
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
                "R8 types and ids that read alike when put together are different entries");
    }

    @Test
    @DisplayName("the tail of a longer value left behind is found")
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
                "R8 an entry saved again holds the new bytes alone, shorter or longer");
    }

    @Test
    @DisplayName("an empty value taken for none is found, also when only closing drops it")
    void close_dropsEmptyValues() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public Optional<byte[]> load(String type, String id) {
                        return super.load(type, id).filter(value -> value.length > 0);
                    }
                },
                "R8 bytes are kept exactly: empty, all 256 values, 1 MiB",
                "R8 an entry saved again holds the new bytes alone, shorter or longer",
                "R61 after close and open, what was saved is there and what was deleted is not");
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public void close() {
                        super.close();
                        list().filter(entry -> load(entry.type(), entry.id()).orElseThrow().length == 0)
                                .forEach(entry -> delete(entry.type(), entry.id()));
                    }
                },
                "R61 after close and open, what was saved is there and what was deleted is not");
    }

    @Test
    @DisplayName("an array kept is found")
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
                "R5 values are copied in: an array changed after the save changes nothing");
    }

    @Test
    @DisplayName("an array given away is found")
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
                "R5 values are copied out: a loaded array that is changed changes nothing");
    }

    @Test
    @DisplayName("an array encrypted in place is found")
    void save_changesTheArray() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public void save(String type, String id, byte[] value) {
                        super.save(type, id, value);
                        Arrays.fill(value, (byte) 0);
                    }
                },
                "R5 values are borrowed: a save does not change the array it is given");
    }

    @Test
    @DisplayName("a delete that uncovers the value before is found")
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
                "R8 an entry that was saved several times is absent once deleted");
    }

    @Test
    @DisplayName("a delete by prefix is found")
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
                "R16 a delete takes its id literally, never as a prefix or a pattern");
    }

    @Test
    @DisplayName("a delete that fails for what is absent is found")
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
                "R14 deleting what is absent is no error and changes nothing",
                "R60 listings that run beside writers name every entry that lasts, once");
    }

    @Test
    @DisplayName("contexts run together with types are found")
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
                "R50 contexts, types and ids that read alike when put together are different entries");
    }

    @Test
    @DisplayName("contexts without case are found")
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
                "R50 contexts are exact: any character, case, normalisation, blanks, beginnings");
    }

    @Test
    @DisplayName("a delete in all contexts is found")
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
                "R50 a delete leaves the other contexts' entries",
                "R61 after close and open, each context has its own entries");
    }

    @Test
    @DisplayName("a stale read on another thread is found")
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
                "R4 a load on any thread sees what another thread has written");
    }

    @Test
    @DisplayName("a value seen half-written is found")
    void save_seenHalfWritten() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    private final Looks looks = new Looks();

                    @Override
                    public Optional<byte[]> load(String type, String id) {
                        looks.look();
                        return super.load(type, id);
                    }

                    @Override
                    public void save(String type, String id, byte[] value) {
                        Optional<byte[]> old = super.load(type, id).filter(there -> there.length == 3 * 4096);
                        if (old.isPresent()) {
                            System.arraycopy(value, 0, old.get(), 0, 4096);
                            super.save(type, id, old.get());
                            looks.awaitSome();
                        }
                        super.save(type, id, value);
                    }
                },
                "R4 a load beside a save sees the value before or the one after, whole, and none that is older");
    }

    @Test
    @DisplayName("a listing that ends too soon is found")
    void list_endsTooSoon() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public Stream<EntryId> list() {
                        return super.list().limit(999);
                    }
                },
                "R60 ten thousand entries (one thousand without batches) are listed, each once");
    }

    @Test
    @DisplayName("a listing that keeps its connection when closed is found")
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
                "R60 listings that are closed half-read, again and again, use nothing up");
    }

    @Test
    @DisplayName("a close that can't be repeated is found")
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
                "R28 closing again does nothing, and loses nothing of what persists");
    }

    @Test
    @DisplayName("a closed backend that says absent is found")
    void load_closedSaysAbsent() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public Optional<byte[]> load(String type, String id) {
                        return closed ? Optional.empty() : super.load(type, id);
                    }
                },
                "R3 a closed backend refuses, or answers right: it never says that what is there is absent");
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public Stream<EntryId> list() {
                        return closed ? Stream.empty() : super.list();
                    }
                },
                "R3 a closed backend refuses, or answers right: it never lists nothing where something is");
    }

    @Test
    @DisplayName("a closed backend that swallows writes, or fails otherwise than by refusing, is found")
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
                "R28 a closed backend refuses each write, or does it: what it accepted is there when it is opened again");
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
                "R3 a closed backend refuses, or answers right: it never says that what is there is absent");
    }

    @Test
    @DisplayName("a listing that ends early where its entries are deleted is found")
    void list_endsEarlyWhereDeleted() {
        Verdict.assertFails(
                () -> new Delegating.ContextFree() {
                    @Override
                    public Stream<EntryId> list() {
                        long all = super.list().count();
                        return super.list().takeWhile(entry -> 2 * super.list().count() >= all);
                    }
                },
                "R60 a listing whose entries are deleted as it names them names each once");
    }

    /** Takes each id for what a function makes of it, and lists it as it was saved first. */
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
