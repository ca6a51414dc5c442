package dev.keystore.moduletest;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.ContextMovedException;
import dev.keystore.ContextOwnedException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.ContextInspection.Move;
import dev.keystore.core.ContextInspection.MoveState;
import dev.keystore.core.CopyIncompleteException;
import dev.keystore.core.CopyReport;
import dev.keystore.core.CopyReport.ContextResult;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.RestoreReport.LeftOutContext;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreBackup;
import dev.keystore.core.StoreCopy;
import dev.keystore.core.StoreMove;
import dev.keystore.core.StoreRestore;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.KeyStoreListener;
import dev.keystore.spi.KeyStoreListener.CommitResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Moves of contexts between databases. */
@Timeout(60)
class StoreMoveTest {

    @TempDir
    private Path folder;

    private SignalKeyDatabase open(String scheme, String name) {
        return SignalKeyDatabase.open(scheme + ":" + folder.resolve(name));
    }

    private static byte[] value(int number) {
        return ("value " + number).getBytes(UTF_8);
    }

    private static void assertMoved(SignalKeyDatabase database, String context) {
        assertThatThrownBy(() -> database.forContext(context))
                .isInstanceOfSatisfying(ContextMovedException.class, e -> {
                    assertThat(e.context()).isEqualTo(context);
                    assertThat(e.target()).isEqualTo("the new place");
                })
                .hasMessageContaining("moved to the new place");
    }

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite, mapdb", "mapdb, jdbc:sqlite", "files, jdbc:sqlite", "jdbc:sqlite, files"})
    @DisplayName("R84 a context that was moved is written in the target, and refused by the source, in each process")
    void run_movesContexts(String from, String to) {
        try (SignalKeyDatabase source = open(from, "source");
                SignalKeyDatabase target = open(to, "target")) {
            SignalKeyStore former = source.forContext("alice");
            former.put(KeyTypes.SESSION, "bob.1", value(1));
            former.saveCredentials(value(2));
            source.forContext("bob").put(KeyTypes.SESSION, "1", value(1));

            CopyReport report = StoreMove.from(source)
                    .to(target, "the new place")
                    .contexts(Set.of("alice"))
                    .run();

            assertThat(report.contexts()).isEqualTo(Map.of(Outcome.COPIED, 1L));
            assertThat(source.inspection().inspect("alice").move())
                    .contains(new Move(MoveState.MOVED, "the new place"));
            assertThat(source.inspection().inspect("bob").move()).isEmpty();
            assertThat(target.inspection().inspect("alice").move()).isEmpty();
            assertThatThrownBy(() -> former.put(KeyTypes.SESSION, "bob.1", value(3)))
                    .isInstanceOf(ContextMovedException.class)
                    .hasMessageContaining("moved to the new place");
            source.forContext("bob").put(KeyTypes.SESSION, "1", value(2));
            SignalKeyStore alice = target.forContext("alice");
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).contains(value(1));
            assertThat(alice.credentials()).contains(value(2));
            assertThat(alice.verify()).isEmpty();
            alice.put(KeyTypes.SESSION, "bob.1", value(3));

            assertThat(StoreMove.from(source)
                            .to(target, "the new place")
                            .contexts(Set.of("alice"))
                            .run()
                            .contexts())
                    .isEqualTo(Map.of(Outcome.ALREADY_THERE, 1L));
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).contains(value(3));
        }
        try (SignalKeyDatabase source = open(from, "source");
                SignalKeyDatabase other = open(to, "other")) {
            assertMoved(source, "alice");
            assertThatThrownBy(() -> source.takeOver("alice")).isInstanceOf(ContextMovedException.class);
            assertThatThrownBy(StoreCopy.from(source).to(other).contexts(Set.of("alice"))::run)
                    .isInstanceOf(CopyIncompleteException.class)
                    .hasMessageContaining("moved to the new place");
            assertThatThrownBy(StoreMove.from(source).to(other, "elsewhere").contexts(Set.of("alice"))::run)
                    .isInstanceOf(CopyIncompleteException.class)
                    .hasMessageContaining("moved to the new place");
        }
        try (SignalKeyDatabase target = open(to, "target")) {
            assertThat(target.forContext("alice").find(KeyTypes.SESSION, "bob.1"))
                    .contains(value(3));
        }
    }

    @Test
    @DisplayName("R84 R53 R100 the owner in another process is fenced, and its exception says where the context is")
    void run_otherOwner_learnsTheTarget() {
        List<CommitResult> results = new CopyOnWriteArrayList<>();
        KeyStoreListener listener = new KeyStoreListener() {
            @Override
            public void onCommit(long nanos, CommitResult result) {
                results.add(result);
            }
        };
        try (SignalKeyDatabase owner = SignalKeyDatabase.builder()
                        .url("jdbc:sqlite:" + folder.resolve("source"))
                        .listener(listener)
                        .open();
                SignalKeyDatabase source = open("jdbc:sqlite", "source");
                SignalKeyDatabase target = open("mapdb", "target")) {
            SignalKeyStore alice = owner.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", value(1));

            StoreMove.from(source).to(target, "the new place").run();

            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "bob.1", value(2)))
                        .isInstanceOf(ContextMovedException.class)
                        .hasMessageContaining("moved to the new place");
            }
            assertThat(results).containsExactly(CommitResult.WRITTEN, CommitResult.NOT_WRITTEN);
            assertThatThrownBy(() -> owner.takeOver("alice")).isInstanceOf(ContextMovedException.class);
            assertThat(target.forContext("alice").find(KeyTypes.SESSION, "bob.1"))
                    .contains(value(1));
        }
    }

    @Test
    @DisplayName("R84 a context can come back, with the entries of the other place only, and encrypted")
    void run_thereAndBack_replacesWhatWasLeft() throws IOException {
        Path key = folder.resolve("root.key");
        KeyFile.create(key);
        SignalKeyDatabase.Builder encrypted = SignalKeyDatabase.builder()
                .url("jdbc:sqlite:" + folder.resolve("first"))
                .property("encryption.key", "key-file:" + key)
                .property("encryption.names", "hidden");
        try (SignalKeyDatabase second = open("mapdb", "second")) {
            try (SignalKeyDatabase first = encrypted.open()) {
                first.forContext("alice").put(KeyTypes.SESSION, "bob.1", value(1));
                first.forContext("alice").put(KeyTypes.SESSION, "bob.2", value(1));
                StoreMove.from(first).to(second, "the new place").run();
                assertThatThrownBy(() -> first.forContext("alice").delete(KeyTypes.SESSION, "bob.2"))
                        .isInstanceOf(ContextMovedException.class);
            }
            second.forContext("alice").delete(KeyTypes.SESSION, "bob.2");
            try (SignalKeyDatabase first = encrypted.open()) {
                assertMoved(first, "alice");
                assertThat(StoreMove.from(second)
                                .to(first, "the first place")
                                .run()
                                .isComplete())
                        .isTrue();
                SignalKeyStore alice = first.forContext("alice");
                assertThat(alice.find(KeyTypes.SESSION, "bob.1")).contains(value(1));
                assertThat(alice.find(KeyTypes.SESSION, "bob.2")).isEmpty();
                alice.put(KeyTypes.SESSION, "bob.1", value(2));
                assertThat(alice.verify()).isEmpty();
                assertThatThrownBy(() -> second.forContext("alice").delete(KeyTypes.SESSION, "bob.1"))
                        .isInstanceOf(ContextMovedException.class)
                        .hasMessageContaining("moved to the first place");
            }
        }
    }

    @Test
    @DisplayName("R84 R94 a dry run says what would be moved, and changes nothing")
    void dryRun_changesNothing() {
        try (SignalKeyDatabase source = open("jdbc:sqlite", "source");
                SignalKeyDatabase target = open("mapdb", "target")) {
            SignalKeyStore alice = source.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", value(1));

            CopyReport report =
                    StoreMove.from(source).to(target, "the new place").dryRun();

            assertThat(report.dryRun()).isTrue();
            assertThat(report.contexts()).isEqualTo(Map.of(Outcome.COPIED, 1L));
            try (Stream<String> contexts = target.contexts()) {
                assertThat(contexts).isEmpty();
            }
            alice.put(KeyTypes.SESSION, "bob.1", value(2));
        }
    }

    @Test
    @DisplayName("R84 R94 a dry run says what the move then does: after a copy, within a move, after a move")
    void dryRun_saysWhatRunDoes() {
        try (SignalKeyDatabase source = open("mapdb", "source");
                SignalKeyDatabase target = open("jdbc:sqlite", "target")) {
            for (String name : List.of("copied", "interrupted", "moved", "new")) {
                source.forContext(name).put(KeyTypes.SESSION, "bob.1", value(0));
            }
            StoreCopy.from(source).to(target).contexts(Set.of("copied")).run();
            StoreMove.from(source)
                    .to(target, "the new place")
                    .contexts(Set.of("moved"))
                    .run();
            interruptMove(source, target, "interrupted");
            Map<String, Object> positions = positions(target);
            StoreMove move = StoreMove.from(source).to(target, "the new place");
            Map<String, String> said = new TreeMap<>();
            Map<String, String> done = new TreeMap<>();

            move.onContext(result -> said.put(result.context(), result.outcome() + result.reason()))
                    .dryRun();

            assertThat(positions(target)).isEqualTo(positions);
            assertThat(target.contexts()).doesNotContain("new");
            source.forContext("new").put(KeyTypes.SESSION, "bob.2", value(0));
            move.onContext(result -> done.put(result.context(), result.outcome() + result.reason()));
            assertThatThrownBy(move::run).isInstanceOf(CopyIncompleteException.class);
            assertThat(said)
                    .isEqualTo(done)
                    .containsEntry("interrupted", "REPLACED")
                    .containsEntry("moved", "ALREADY_THERE")
                    .containsEntry("new", "COPIED")
                    .extractingByKey("copied")
                    .asString()
                    .startsWith("REFUSEDthe target holds entries of it already");
        }
    }

    @Test
    @DisplayName("R84 R94 a dry run of a move that only has to free the target says so, and leaves that to the move")
    void dryRun_beforeTheLastStep_changesNothing() throws IOException {
        Path file = folder.resolve("target");
        Path arriving = folder.resolve("arriving");
        try (SignalKeyDatabase source = open("mapdb", "source")) {
            source.forContext("alice").put(KeyTypes.SESSION, "bob.1", value(0));
            try (SignalKeyDatabase target = open("jdbc:sqlite", "target")) {
                interruptMove(source, target, "alice");
            }
            Files.copy(file, arriving);
            StoreMove move;
            try (SignalKeyDatabase target = open("jdbc:sqlite", "target")) {
                StoreMove.from(source).to(target, "the new place").run();
                try (SignalKeyDatabase other = open("jdbc:sqlite", "arriving")) {
                    // as if the move had been killed before it deleted the mark of its target
                    assertThat(other.inspection().inspect("alice").move())
                            .contains(new Move(MoveState.ARRIVING, "the new place"));
                    move = StoreMove.from(source).to(other, "the new place");
                    for (int i = 0; i < 2; i++) {
                        assertThat(move.dryRun().contexts()).isEqualTo(Map.of(Outcome.ALREADY_THERE, 1L));
                        assertThatThrownBy(() -> other.forContext("alice")).isInstanceOf(ContextMovedException.class);
                    }
                    assertThat(move.run().contexts()).isEqualTo(Map.of(Outcome.ALREADY_THERE, 1L));
                    assertThat(other.forContext("alice").find(KeyTypes.SESSION, "bob.1"))
                            .isPresent();
                }
            }
        }
    }

    /** Begins to move a context of a store without ownership, and lets a commit to the source end that. */
    private static void interruptMove(SignalKeyDatabase source, SignalKeyDatabase target, String context) {
        SignalKeyStore store = source.forContext(context);
        AtomicInteger number = new AtomicInteger();
        StoreMove move = StoreMove.from(source)
                .to(target, "the new place")
                .contexts(Set.of(context))
                .listener(progress -> CompletableFuture.runAsync(
                                () -> store.put(KeyTypes.SESSION, "bob.1", value(number.incrementAndGet())))
                        .join());
        assertThatThrownBy(move::run)
                .isInstanceOf(CopyIncompleteException.class)
                .hasMessageContaining("move the context again");
    }

    private static Map<String, Object> positions(SignalKeyDatabase database) {
        Map<String, Object> positions = new TreeMap<>();
        try (Stream<String> contexts = database.contexts()) {
            contexts.forEach(context -> positions.put(context, database.position(context)));
        }
        return positions;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    @DisplayName("R84 R90 the same store by a symbolic link, and a plain copy of its file, are refused before anything")
    void run_sameStore_isRefused(boolean linked) throws IOException {
        try (SignalKeyDatabase source = open("jdbc:sqlite", "source")) {
            source.forContext("alice").put(KeyTypes.SESSION, "bob.1", value(0));
        }
        Path other = folder.resolve("other");
        if (linked) {
            Files.createSymbolicLink(other, folder.resolve("source"));
        } else {
            Files.copy(folder.resolve("source"), other);
        }
        try (SignalKeyDatabase owner = open("jdbc:sqlite", "source");
                SignalKeyDatabase source = open("jdbc:sqlite", "source");
                SignalKeyDatabase target = open("jdbc:sqlite", "other")) {
            SignalKeyStore alice = owner.forContext("alice");
            StoreCopy copy = StoreCopy.from(source).to(target).replacing();
            StoreMove move = StoreMove.from(source).to(target, "the new place");

            for (ThrowingCallable work : List.<ThrowingCallable>of(copy::run, copy::dryRun, move::run, move::dryRun)) {
                assertThatThrownBy(work)
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("has the id of the source")
                        .hasMessageContaining("nothing was changed");
            }

            alice.put(KeyTypes.SESSION, "bob.1", value(1));
        }
    }

    @Test
    @DisplayName("R84 a context of which the target holds entries is not moved, and can still be written")
    void run_targetHoldsEntries_isRefused() {
        try (SignalKeyDatabase source = open("jdbc:sqlite", "source");
                SignalKeyDatabase target = open("mapdb", "target")) {
            source.forContext("alice").put(KeyTypes.SESSION, "bob.1", value(1));
            target.forContext("alice").put(KeyTypes.SESSION, "bob.2", value(2));

            assertThatThrownBy(StoreMove.from(source).to(target, "the new place")::run)
                    .isInstanceOf(CopyIncompleteException.class);

            target.forContext("alice").put(KeyTypes.SESSION, "bob.2", value(3));
            source.takeOver("alice").put(KeyTypes.SESSION, "bob.1", value(3));
            assertThat(target.forContext("alice").find(KeyTypes.SESSION, "bob.1"))
                    .isEmpty();
        }
    }

    @Test
    @DisplayName("R84 a commit to an open store of MapDB while it is moved keeps it in the source, until it is moved"
            + " with that commit")
    void run_commitMeanwhile_isNotLost() {
        try (SignalKeyDatabase source = open("mapdb", "source");
                SignalKeyDatabase target = open("jdbc:sqlite", "target")) {
            SignalKeyStore alice = source.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", value(0));
            AtomicInteger written = new AtomicInteger();
            StoreMove move = StoreMove.from(source).to(target, "the new place").listener(progress -> {
                if (written.get() < 3) {
                    CompletableFuture.runAsync(
                                    () -> alice.put(KeyTypes.SESSION, "bob.1", value(written.incrementAndGet())))
                            .join();
                }
            });
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(move::run)
                        .isInstanceOf(CopyIncompleteException.class)
                        .hasMessageContaining("was changed while it was copied")
                        .hasMessageContaining("the target holds an unfinished copy");
                assertThatThrownBy(() -> target.forContext("alice"))
                        .isInstanceOf(ContextMovedException.class)
                        .hasMessageContaining("has not ended");
            }

            move.run();

            assertThat(written).hasValue(3);
            assertThat(target.forContext("alice").find(KeyTypes.SESSION, "bob.1"))
                    .contains(value(3));
            assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "bob.1", value(4)))
                    .isInstanceOf(ContextMovedException.class);
        }
    }

    @Test
    @DisplayName("R84 a context that was moved is refused if the target is another store, or no longer holds it")
    void run_movedContextIsNotInTheTarget_isRefused() {
        try (SignalKeyDatabase source = open("jdbc:sqlite", "source");
                SignalKeyDatabase target = open("mapdb", "target");
                SignalKeyDatabase other = open("mapdb", "other")) {
            source.forContext("alice").put(KeyTypes.SESSION, "bob.1", value(1));
            StoreMove move = StoreMove.from(source).to(target, "the new place");
            assertThat(move.hasBegun()).isFalse();
            move.run();
            assertThat(move.hasBegun()).isTrue();

            StoreMove elsewhere = StoreMove.from(source).to(other, "the new place");
            assertThatThrownBy(elsewhere::run)
                    .isInstanceOf(CopyIncompleteException.class)
                    .hasMessageContaining("was moved to the new place, but the target is another store");
            assertThat(elsewhere.hasBegun()).isFalse();
            target.forContext("alice").erase();
            assertThatThrownBy(StoreMove.from(source).to(target, "the new place")::run)
                    .isInstanceOf(CopyIncompleteException.class)
                    .hasMessageContaining("which holds no entry of it any more");
        }
    }

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite, false", "jdbc:sqlite, true", "mapdb, true"})
    @DisplayName("R84 R18 R73 what is left of a context that was moved away is erased; the source refuses it as before,"
            + " and it can come back")
    void eraseMoved_keepsTheRefusal(String scheme, boolean encrypted) throws Exception {
        SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder().url(scheme + ":" + folder.resolve("source"));
        if (encrypted) {
            Path key = folder.resolve("root.key");
            KeyFile.create(key);
            builder.property("encryption.key", "key-file:" + key);
        }
        try (SignalKeyDatabase source = builder.open();
                SignalKeyDatabase target = open("jdbc:sqlite", "target")) {
            source.forContext("alice").put(KeyTypes.SESSION, "bob.1", value(1));
            source.forContext("bob").put(KeyTypes.SESSION, "alice.1", value(1));
            StoreMove.from(source)
                    .to(target, "the new place")
                    .contexts(Set.of("alice"))
                    .run();

            assertThatThrownBy(() -> StoreMove.eraseMoved(source, "alice"))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("was opened before it was moved");
            assertThat(StoreMove.eraseMoved(source, "bob")).isFalse();
        }
        try (SignalKeyDatabase source = builder.open();
                SignalKeyDatabase target = open("jdbc:sqlite", "target")) {
            assertThat(source.inspection().inspect("alice").entries()).isEqualTo(1);

            assertThat(StoreMove.eraseMoved(source, "alice")).isTrue();

            assertThat(source.inspection().inspect("alice").entries()).isZero();
            assertMoved(source, "alice");
            assertThat(source.inspection().inspect("bob").entries()).isEqualTo(1);
            SignalKeyStore alice = target.forContext("alice");
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).contains(value(1));
            assertThat(StoreMove.from(source)
                            .to(target, "the new place")
                            .contexts(Set.of("alice"))
                            .run()
                            .contexts())
                    .isEqualTo(Map.of(Outcome.ALREADY_THERE, 1L));
            alice.put(KeyTypes.SESSION, "bob.1", value(2));
        }
        try (SignalKeyDatabase source = builder.open();
                SignalKeyDatabase target = open("jdbc:sqlite", "target")) {
            assertMoved(source, "alice");
            for (StoreCopy copy : List.of(
                    StoreCopy.from(target).to(source),
                    StoreCopy.from(target).to(source).replacing())) {
                assertThat(copy.dryRun().contexts()).isEqualTo(Map.of(Outcome.REFUSED, 1L));
                assertThatThrownBy(copy::run)
                        .isInstanceOf(CopyIncompleteException.class)
                        .hasMessageContaining("it was moved from the target to the new place")
                        .hasMessageContaining("move it instead");
            }
            StoreMove.from(target).to(source, "home").run();
            SignalKeyStore alice = source.forContext("alice");
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).contains(value(2));
            assertThat(alice.verify()).isEmpty();
        }
    }

    @Test
    @DisplayName("R84 a move that has not ended is not continued from another store, which may hold other entries")
    void run_arrivingFromAnotherStore_isRefused() {
        try (SignalKeyDatabase source = open("mapdb", "source");
                SignalKeyDatabase other = open("jdbc:sqlite", "other");
                SignalKeyDatabase target = open("jdbc:sqlite", "target")) {
            SignalKeyStore alice = source.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", value(0));
            other.forContext("alice").put(KeyTypes.SESSION, "bob.1", value(9));
            StoreMove move = StoreMove.from(source).to(target, "the new place");
            move.listener(progress -> CompletableFuture.runAsync(() -> alice.put(KeyTypes.SESSION, "bob.1", value(1)))
                    .join());
            assertThatThrownBy(move::run).isInstanceOf(CopyIncompleteException.class);

            assertThatThrownBy(StoreMove.from(other).to(target, "the new place")::run)
                    .isInstanceOf(CopyIncompleteException.class)
                    .hasMessageContaining("from another store to the target has not ended");

            other.forContext("alice").put(KeyTypes.SESSION, "bob.1", value(8));
            move.listener(progress -> {}).run();
            assertThat(target.forContext("alice").find(KeyTypes.SESSION, "bob.1"))
                    .contains(value(1));
        }
    }

    @Test
    @DisplayName("R84 R80 if the source of a move is lost, its context is restored by name, without sessions, and the"
            + " target is freed")
    void restore_arrivingContext_isRestoredByNameAndAbandoned() {
        try (SignalKeyDatabase source = open("mapdb", "source");
                SignalKeyDatabase target = open("jdbc:sqlite", "target")) {
            SignalKeyStore alice = source.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", value(0));
            alice.put(KeyTypes.IDENTITY_KEY, "bob.1", value(1));
            target.forContext("bob").put(KeyTypes.IDENTITY_KEY, "alice.1", value(1));
            StoreMove move = StoreMove.from(source).to(target, "the new place");
            AtomicInteger number = new AtomicInteger(1);
            move.listener(progress -> CompletableFuture.runAsync(
                            () -> alice.put(KeyTypes.SESSION, "bob.1", value(number.incrementAndGet())))
                    .join());
            assertThatThrownBy(move::run).isInstanceOf(CopyIncompleteException.class);
            try (SignalKeyDatabase other = SignalKeyDatabase.builder()
                    .url("jdbc:sqlite:" + folder.resolve("target"))
                    .open()) {
                assertThatThrownBy(() -> StoreMove.abandon(other, "alice")).isInstanceOf(ContextOwnedException.class);
            }
        }
        Path file = folder.resolve("keys.backup");
        try (SignalKeyDatabase target = open("jdbc:sqlite", "target")) {
            StoreBackup.of(target).to(file).run();
            assertThat(target.inspection().inspect("alice").move())
                    .map(Move::state)
                    .hasValue(MoveState.ARRIVING);
            assertThat(target.inspection().inspect("bob").move()).isEmpty();

            assertThat(StoreMove.abandon(target, "bob")).isFalse();
            assertThat(StoreMove.abandon(target, "alice")).isTrue();

            assertThat(StoreMove.abandon(target, "alice")).isFalse();
            assertThat(target.contexts()).containsExactly("bob");
            target.forContext("alice").put(KeyTypes.SESSION, "bob.1", value(3));
        }
        List<LeftOutContext> leftOut = new ArrayList<>();
        assertThat(restored(file, "all", Set.of(), leftOut)).containsExactly("bob");
        assertThat(leftOut).singleElement().satisfies(each -> {
            assertThat(each.context()).isEqualTo("alice");
            assertThat(each.arriving()).isTrue();
            assertThat(each.reason()).contains("had not ended", "restore the context by its name");
        });
        leftOut.clear();
        assertThat(restored(file, "named", Set.of("alice"), leftOut)).containsExactly("alice");
        assertThat(leftOut).isEmpty();
        try (SignalKeyDatabase restored = open("jdbc:sqlite", "named")) {
            SignalKeyStore alice = restored.forContext("alice");
            assertThat(alice.find(KeyTypes.IDENTITY_KEY, "bob.1")).contains(value(1));
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).isEmpty();
            alice.put(KeyTypes.SESSION, "bob.1", value(4));
        }
    }

    /** Returns the contexts of a store that is restored from a backup; all if no names are given. */
    private List<String> restored(Path file, String name, Set<String> names, List<LeftOutContext> leftOut) {
        try (SignalKeyDatabase backup = SignalKeyDatabase.builder()
                .url("jdbc:sqlite:" + file)
                .readingBackup()
                .open()) {
            StoreRestore restore = StoreRestore.from(backup)
                    .to(SignalKeyDatabase.builder().url("jdbc:sqlite:" + folder.resolve(name)));
            leftOut.addAll(
                    (names.isEmpty() ? restore : restore.contexts(names)).run().leftOut());
        }
        try (SignalKeyDatabase restored = open("jdbc:sqlite", name);
                Stream<String> contexts = restored.contexts()) {
            return contexts.toList();
        }
    }

    @Test
    @DisplayName("R84 R80 a context that was moved away is not restored from a backup of its former place")
    void restore_movedContext_isLeftOut() {
        Path file = folder.resolve("keys.backup");
        try (SignalKeyDatabase source = open("jdbc:sqlite", "source");
                SignalKeyDatabase target = open("mapdb", "target")) {
            source.forContext("alice").put(KeyTypes.IDENTITY_KEY, "bob.1", value(1));
            source.forContext("bob").put(KeyTypes.IDENTITY_KEY, "bob.1", value(1));
            StoreMove.from(source)
                    .to(target, "the new place")
                    .contexts(Set.of("alice"))
                    .run();
            StoreBackup.of(source).to(file).run();
        }
        List<LeftOutContext> leftOut = new ArrayList<>();
        assertThat(restored(file, "restored", Set.of(), leftOut)).containsExactly("bob");
        assertThat(leftOut).containsExactly(new LeftOutContext("alice", false, "it was moved to the new place"));
        assertThatThrownBy(() -> restored(file, "named", Set.of("alice"), leftOut))
                .isInstanceOf(CopyIncompleteException.class)
                .hasMessageContaining("moved to the new place");
    }

    @Test
    @DisplayName("R84 R80 a restore that fails names the contexts that a move left out, too")
    void restore_damagedContext_namesTheMovedOne() throws IOException {
        Path file = folder.resolve("keys.backup");
        try (SignalKeyDatabase source = open("jdbc:sqlite", "source");
                SignalKeyDatabase target = open("mapdb", "target")) {
            source.forContext("alice").put(KeyTypes.IDENTITY_KEY, "bob.1", value(1));
            source.forContext("bob").put(KeyTypes.IDENTITY_KEY, "bob.1", "to be damaged".getBytes(UTF_8));
            StoreMove.from(source)
                    .to(target, "the new place")
                    .contexts(Set.of("alice"))
                    .run();
            StoreBackup.of(source).to(file).run();
        }
        byte[] bytes = Files.readAllBytes(file);
        bytes[new String(bytes, ISO_8859_1).indexOf("to be damaged")]++;
        Files.write(file, bytes);

        assertThatThrownBy(() -> restored(file, "restored", Set.of(), new ArrayList<>()))
                .isInstanceOfSatisfying(
                        CopyIncompleteException.class,
                        e -> assertThat(e.report().notCopied())
                                .extracting(ContextResult::context)
                                .containsExactlyInAnyOrder("alice", "bob"));
    }
}
