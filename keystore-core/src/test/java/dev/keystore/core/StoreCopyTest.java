package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.keystore.ContextMovedException;
import dev.keystore.ContextOwnedException;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.CopyReport.TypeDigest;
import dev.keystore.encryption.Encryption;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Sealing;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.Gate;
import dev.keystore.testkit.MinimalBackend;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Copies between two databases on backends in memory: what is copied, and what stops it. */
@Timeout(60)
class StoreCopyTest extends CopiedDatabases {

    private CopyReport failing(StoreCopy copy) {
        return catchThrowableOfType(CopyIncompleteException.class, copy::run).report();
    }

    @Test
    @DisplayName("R90 all entries of all contexts are copied, those of unknown types and the credentials among them")
    void run_allContexts_copiesEveryEntry() {
        fill(sourceMemory, "alice", "bob", "_ x/%");
        open();

        CopyReport report = copy().run();

        assertThat(report.isComplete()).isTrue();
        assertThat(report.dryRun()).isFalse();
        assertThat(report.contexts()).containsExactly(Map.entry(Outcome.COPIED, 3L));
        assertThat(report.entries()).isEqualTo(3 * 153);
        assertThat(report.bytes())
                .isEqualTo(results.values().stream()
                        .mapToLong(CopyReport.ContextResult::bytes)
                        .sum());
        assertThat(contents(targetMemory)).hasSize(3).isEqualTo(contents(sourceMemory));
    }

    @Test
    @DisplayName("R90 only the contexts that are named are copied; one without entries is reported, and not taken over")
    void run_namedContexts_copiesOnlyThose() {
        fill(sourceMemory, "alice", "bob", "carol");
        open();
        SignalKeyStore empty = source.forContext("empty");
        sourceFaults.forgetCalls();

        CopyReport report = failing(copy().contexts(Set.of("bob", "empty", "carol")));

        assertThat(contents(targetMemory)).containsOnlyKeys("bob", "carol");
        assertThat(report.contexts()).isEqualTo(Map.of(Outcome.COPIED, 2L, Outcome.NOT_FOUND, 1L));
        assertThat(report.notCopied()).singleElement().satisfies(result -> {
            assertThat(result.context()).isEqualTo("empty");
            assertThat(result.outcome()).isEqualTo(Outcome.NOT_FOUND);
        });
        assertThat(sourceFaults.calls(Operation.TAKE_OVER))
                .extracting(call -> call.contexts().get(0))
                .containsExactly("bob", "carol");
        empty.put(KeyTypes.SESSION, "x", bytes("1"));
    }

    @Test
    @DisplayName("R90 all entries of a context are written in one commit")
    void run_writesAContextInOneCommit() {
        fill(sourceMemory, "alice", "bob");
        open();

        copy().run();

        assertThat(targetFaults.calls(Operation.COMMIT))
                .hasSize(2)
                .allSatisfy(call -> assertThat(call.group())
                        .singleElement()
                        .extracting(batch -> batch.mutations().size())
                        .isEqualTo(153));
    }

    @Test
    @DisplayName("R90 small contexts share commits, one context at first, then twice as many each time")
    void run_smallContexts_shareCommits() {
        fill(sourceMemory, names(40));
        open();

        copy().run();

        assertThat(targetFaults.groupSizes()).containsExactly(1, 2, 4, 8, 16, 9);
        assertThat(targetFaults.calls(Operation.COMMIT))
                .flatExtracting(call -> call.group())
                .extracting(batch -> batch.mutations().size())
                .containsOnly(153);
        assertThat(contents(targetMemory)).isEqualTo(contents(sourceMemory));
    }

    @Test
    @DisplayName("R90 contexts are not added to a commit that has 8 MiB of values already")
    void run_largeContexts_shareNoCommit() {
        fill(sourceMemory, names(11));
        try (SignalKeyDatabase writer = otherProcess(sourceMemory)) {
            for (String name : names(11)) {
                if (name.compareTo("context 107") >= 0) {
                    writer.forContext(name).put(OTHER, "large", new byte[6 << 20]);
                }
            }
        }
        open();

        CopyReport report = copy().contexts(Set.of(names(11))).run();

        assertThat(targetFaults.groupSizes()).containsExactly(1, 2, 4, 2, 2);
        assertThat(report.contexts()).isEqualTo(Map.of(Outcome.COPIED, 11L));
    }

    @Test
    @DisplayName("R90 of contexts in one commit that is refused, only the one that caused it is not in the target")
    void run_commitOfSeveralFails_writesTheOthers() {
        fill(sourceMemory, names(7));
        open();
        targetFaults
                .on(Operation.COMMIT)
                .inContext("context 104")
                .forever()
                .fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);

        CopyReport report = failing(copy().contexts(Set.of(names(7))));

        assertThat(targetFaults.groupSizes()).containsExactly(1, 2, 4, 1, 1, 1, 1);
        assertThat(report.contexts()).isEqualTo(Map.of(Outcome.COPIED, 6L, Outcome.NOT_WRITTEN, 1L));
        assertThat(contents(targetMemory)).hasSize(6).doesNotContainKey("context 104");
    }

    @Test
    @DisplayName("R84 a move whose source cannot be marked says so, and that the target holds an unfinished copy")
    void move_sourceCannotBeWritten_namesIt() {
        fill(sourceMemory, "alice");
        open();
        source.storeId();
        sourceFaults.on(Operation.COMMIT).forever().fail(Moment.BEFORE, BackendException.Kind.PERMANENT);

        CopyReport failed = failingMove();

        assertThat(failed.notCopied()).singleElement().satisfies(result -> {
            assertThat(result.outcome()).isEqualTo(Outcome.NOT_WRITTEN);
            assertThat(result.reason())
                    .startsWith("source: ")
                    .contains("Injected failure", "the target holds an unfinished copy", "run the move again");
        });
        assertThatThrownBy(() -> target.forContext("alice")).isInstanceOf(ContextMovedException.class);
        sourceFaults.heal();
        targetFaults.on(Operation.COMMIT).forever().fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
        assertThat(failingMove().notCopied().get(0).reason())
                .startsWith("target: ")
                .contains("the source refuses the context already", "run the move again");
    }

    @Test
    @DisplayName("R84 R43 a move that cannot read the source says that the target holds an unfinished copy")
    void move_sourceDamagedAfterItWasCopied_saysSo() {
        fill(sourceMemory, "alice");
        open();
        source.storeId();
        sourceFaults.on(Operation.COMMIT).forever().fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
        failingMove();
        sourceFaults.heal();
        sourceMemory.save("alice", "session", "bob.1", bytes("damaged"));

        CopyReport failed = failingMove();

        assertThat(failed.notCopied()).singleElement().satisfies(result -> {
            assertThat(result.outcome()).isEqualTo(Outcome.UNREADABLE);
            assertThat(result.reason()).contains("session/bob.1", "; the target holds an unfinished copy");
        });
        assertThat(StoreMove.from(source).to(target, "the new place").dryRun().notCopied())
                .isEqualTo(failed.notCopied());
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "encrypted", "names hidden"})
    @DisplayName("R84 a move continues if what it has left in the source was erased before its last step")
    void move_sourceErasedBeforeTheLastStep_continues(String form) {
        Encryption encryption = TestEncryption.create();
        boolean hidden = form.equals("names hidden");
        Sealing sealing = hidden ? encryption.hidingNames() : encryption;
        UnaryOperator<SignalKeyDatabase.Builder> options =
                builder -> form.equals("plain") ? builder : builder.encryption(sealing);
        open();
        openSource(FaultyBackend.complete(sourceMemory.reopen(), sourceFaults), options);
        source.storeId();
        fill(source.forContext("alice"), "alice");
        sourceFaults.on(Operation.COMMIT).forever().fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
        failingMove();
        sourceFaults.heal();
        targetFaults.on(Operation.COMMIT).forever().fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
        assertThat(failingMove().notCopied().get(0).reason()).contains("the source refuses the context already");
        targetFaults.heal();
        openSource(FaultyBackend.complete(sourceMemory.reopen(), sourceFaults), options);
        assertThat(StoreMove.eraseMoved(source, "alice")).isTrue();

        StoreMove move = StoreMove.from(source).to(target, "the new place");
        if (hidden) {
            move.contexts(Set.of("alice"));
        }

        assertThat(move.run().contexts()).isEqualTo(Map.of(Outcome.ALREADY_THERE, 1L));
        assertThat(find(target, "alice", "bob.1")).isEqualTo("alice1");
    }

    private CopyReport failingMove() {
        StoreMove move = StoreMove.from(source).to(target, "the new place");
        return catchThrowableOfType(CopyIncompleteException.class, move::run).report();
    }

    @Test
    @DisplayName("R84 R43 a copy of a context whose mark of a move is damaged names the source")
    void run_markOfSourceDamaged_namesTheSource() {
        fill(sourceMemory, "alice");
        sourceMemory.save("alice", "_store", "move", bytes("damaged"));
        open();

        assertThat(failing(copy()).notCopied()).singleElement().satisfies(result -> {
            assertThat(result.outcome()).isEqualTo(Outcome.UNREADABLE);
            assertThat(result.reason()).startsWith("source: ").contains("_store/move");
        });
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R84 R90 R94 a context of which the target holds nothing but the mark of a move is refused")
    void run_targetHoldsOnlyTheMarkOfAMove_isRefused(MoveMark.Side side) {
        fill(sourceMemory, "alice");
        Mutation.Put mark = (Mutation.Put) new MoveMark(side, "move", "", "there").put();
        targetMemory.save("alice", mark.type(), mark.id(), mark.value());
        Map<String, Map<String, String>> before = contents(targetMemory);
        open();

        for (StoreCopy copy : List.of(copy(), copy().replacing())) {
            for (CopyReport report : List.of(copy.dryRun(), failing(copy))) {
                assertThat(report.notCopied()).singleElement().satisfies(result -> {
                    assertThat(result.outcome()).isEqualTo(Outcome.REFUSED);
                    assertThat(result.reason())
                            .contains(
                                    "the target refuses it",
                                    side == MoveMark.Side.MOVED ? "keystore move" : "run that move again");
                });
            }
        }

        assertThat(contents(targetMemory)).isEqualTo(before);
    }

    /** Returns names whose order is that of their numbers. */
    private static String[] names(int count) {
        return IntStream.range(100, 100 + count).mapToObj(i -> "context " + i).toArray(String[]::new);
    }

    @Test
    @DisplayName("R90 a context whose commit fails midway is not in the target; the others are")
    void run_commitFailsMidway_writesNothingOfTheContext() {
        fill(sourceMemory, "alice", "bob", "carol");
        open();
        targetFaults
                .on(Operation.COMMIT)
                .inContext("bob")
                .forever()
                .fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);

        assertThatThrownBy(copy()::run)
                .isInstanceOf(CopyIncompleteException.class)
                .hasMessageContaining("\"bob\"")
                .hasMessageContaining("Injected failure")
                .hasMessageNotContaining("\"alice\"");

        assertThat(contents(targetMemory)).containsOnlyKeys("alice", "carol");
        assertThat(results.get("bob").outcome()).isEqualTo(Outcome.NOT_WRITTEN);
        targetFaults.heal();
        copy().run();
        assertThat(contents(targetMemory)).isEqualTo(contents(sourceMemory));
        assertThat(results.values())
                .extracting(result -> result.outcome())
                .containsExactly(Outcome.ALREADY_THERE, Outcome.COPIED, Outcome.ALREADY_THERE);
    }

    @Test
    @DisplayName("R90 a context of the target with other entries is refused and not changed, nor taken over")
    void run_otherEntriesInTarget_areRefused() {
        fill(sourceMemory, "alice", "bob", "carol", "dave");
        fill(targetMemory, "alice", "bob", "carol", "dave");
        try (SignalKeyDatabase writer = otherProcess(targetMemory)) {
            writer.forContext("alice").put(KeyTypes.SESSION, "bob.7", bytes("other"));
            writer.forContext("bob").put(KeyTypes.SESSION, "more", bytes("1"));
            writer.forContext("carol").delete(OTHER, "x");
        }
        Map<String, Map<String, String>> before = contents(targetMemory);
        open();

        CopyReport report = failing(copy());

        assertThat(contents(targetMemory)).isEqualTo(before);
        assertThat(targetFaults.calls(Operation.TAKE_OVER, Operation.COMMIT)).isEmpty();
        assertThat(report.contexts()).isEqualTo(Map.of(Outcome.REFUSED, 3L, Outcome.ALREADY_THERE, 1L));
        assertThat(results.get("alice").reason()).contains("session/bob.7 differs");
        assertThat(results.get("bob").reason()).contains("session/more is only in the target");
        assertThat(results.get("carol").reason()).contains("other/x is only in the source");
    }

    @Test
    @DisplayName("R90 on request, other entries are replaced, the credentials among them, in one commit")
    void run_replacing_replacesOtherEntries() {
        fill(sourceMemory, "alice", "bob");
        open();
        SignalKeyStore alice = target.forContext("alice");
        alice.put(KeyTypes.SESSION, "old", bytes("1"));
        alice.saveCredentials(bytes("old"));
        assertThat(alice.find(KeyTypes.SESSION, "bob.1")).isEmpty();
        targetFaults.forgetCalls();

        copy().replacing().run();

        assertThat(results.get("alice").outcome()).isEqualTo(Outcome.REPLACED);
        assertThat(results.get("bob").outcome()).isEqualTo(Outcome.COPIED);
        assertThat(contents(targetMemory)).isEqualTo(contents(sourceMemory));
        assertThat(targetFaults.groupSizes()).containsExactly(1, 1);
        assertThat(alice.find(KeyTypes.SESSION, "old")).isEmpty();
        assertThat(Fixture.text(alice.find(KeyTypes.SESSION, "bob.1"))).isEqualTo("alice1");
        assertThat(Fixture.text(alice.credentials())).isEqualTo("alice");
        alice.put(KeyTypes.SESSION, "new", bytes("1"));
    }

    @Test
    @DisplayName("R90 a replacement that fails midway leaves the entries of the target as they were")
    void run_replacementFails_changesNothing() {
        fill(sourceMemory, "alice");
        fill(targetMemory, "alice");
        try (SignalKeyDatabase writer = otherProcess(targetMemory)) {
            writer.forContext("alice").put(KeyTypes.SESSION, "more", bytes("1"));
        }
        Map<String, Map<String, String>> before = contents(targetMemory);
        open();
        targetFaults.on(Operation.COMMIT).fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);

        assertThat(failing(copy().replacing()).contexts()).containsOnlyKeys(Outcome.NOT_WRITTEN);
        assertThat(contents(targetMemory)).isEqualTo(before);
    }

    @Test
    @DisplayName("R13 a store of the target that has cached an absence reads the copied entry")
    void run_absenceCachedInTarget_isDropped() {
        fill(sourceMemory, "alice");
        open();
        assertThat(find(target, "alice", "bob.1")).isEqualTo("absent");

        copy().run();

        assertThat(find(target, "alice", "bob.1")).isEqualTo("alice1");
        target.forContext("alice").put(KeyTypes.SESSION, "bob.1", bytes("2"));
        assertThat(find(target, "alice", "bob.1")).isEqualTo("2");
    }

    @Test
    @DisplayName("R90 entries that are written to the target during the copy are not overwritten")
    void run_targetWrittenMeanwhile_isRefused() {
        fill(sourceMemory, "alice");
        open();
        targetFaults
                .on(Operation.TAKE_OVER)
                .run(Moment.AFTER, () -> targetMemory.reopen().save("alice", "session", "bob.1", bytes("theirs")));

        assertThat(failing(copy().replacing()).contexts()).containsOnlyKeys(Outcome.REFUSED);
        assertThat(contents(targetMemory).get("alice")).containsOnlyKeys("session/bob.1");
    }

    @Test
    @DisplayName("R90 R55 a context that is created in the source during the copy is copied, unless others were named")
    void run_contextCreatedMeanwhile_isCopied() {
        fill(sourceMemory, "bob");
        open();
        targetFaults.on(Operation.COMMIT).run(Moment.BEFORE, () -> fill(sourceMemory, "alice"));

        assertThat(copy().contexts(Set.of("bob")).run().contexts()).containsExactly(Map.entry(Outcome.COPIED, 1L));
        assertThat(contents(targetMemory)).containsOnlyKeys("bob");
        targetFaults.on(Operation.COMMIT).run(Moment.BEFORE, () -> fill(sourceMemory, "a", "carol"));
        CopyReport report = copy().run();

        assertThat(report.contexts()).isEqualTo(Map.of(Outcome.COPIED, 3L, Outcome.ALREADY_THERE, 1L));
        assertThat(contents(targetMemory)).hasSize(4).isEqualTo(contents(sourceMemory));
    }

    @Test
    @DisplayName(
            "R90 R55 a context that is created during the copy is copied, also if another one was emptied meanwhile")
    void run_contextReplacedMeanwhile_isCopied() {
        fill(sourceMemory, "alice", "bob");
        open();
        List<String> copied = new ArrayList<>();
        CopyReport report = copy().onContext(result -> {
                    copied.add(result.context());
                    if (copied.size() == 2) {
                        try (SignalKeyDatabase other = otherProcess(sourceMemory)) {
                            other.forContext(copied.get(0)).erase();
                        }
                        fill(sourceMemory, "carol");
                    }
                })
                .run();

        assertThat(report.contexts()).isEqualTo(Map.of(Outcome.COPIED, 3L));
        assertThat(contents(targetMemory)).containsOnlyKeys("alice", "bob", "carol");
    }

    @Test
    @DisplayName("R90 R53 a writer on the source is fenced before the context is read, in this process and in another")
    void run_writersOnSource_areFenced() {
        fill(sourceMemory, "alice", "bob");
        open();
        try (SignalKeyDatabase writer = otherProcess(sourceMemory)) {
            SignalKeyStore alice = writer.forContext("alice");
            SignalKeyStore bob = source.forContext("bob");
            List<String> refused = new ArrayList<>();
            sourceFaults.on(Operation.LIST).inContext("alice").nth(2).run(Moment.BEFORE, () -> {
                assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "late", bytes("1")))
                        .isInstanceOf(OwnershipLostException.class);
                refused.add("alice");
            });
            sourceFaults.on(Operation.LIST).inContext("bob").nth(2).run(Moment.BEFORE, () -> {
                assertThatThrownBy(() -> bob.put(KeyTypes.SESSION, "late", bytes("1")))
                        .isInstanceOf(OwnershipLostException.class);
                refused.add("bob");
            });

            copy().run();

            assertThat(refused).containsExactlyInAnyOrder("alice", "bob");
            assertThat(contents(targetMemory)).isEqualTo(contents(sourceMemory));
            source.takeOver("bob").put(KeyTypes.SESSION, "later", bytes("1"));
        }
    }

    @Test
    @DisplayName("R90 R53 with refuseOwned, a living owner of the source or of the target makes the copy fail")
    void run_refuseOwned_livingOwner_isRefused() {
        fill(sourceMemory, "alice");
        openSource(FaultyBackend.complete(sourceMemory.reopen(), sourceFaults), builder -> builder.refuseOwned());
        openTarget(FaultyBackend.complete(targetMemory.reopen(), targetFaults), builder -> builder.refuseOwned());
        try (SignalKeyDatabase owner = otherProcess(sourceMemory)) {
            SignalKeyStore alice = owner.forContext("alice");
            assertThatThrownBy(copy()::run)
                    .isInstanceOf(ContextOwnedException.class)
                    .hasMessageContaining("alice");
            alice.put(KeyTypes.SESSION, "more", bytes("1"));
            assertThat(contents(targetMemory)).isEmpty();
        }
        try (SignalKeyDatabase owner = otherProcess(targetMemory)) {
            SignalKeyStore alice = owner.forContext("alice");
            assertThatThrownBy(copy()::run).isInstanceOf(ContextOwnedException.class);
            assertThat(contents(targetMemory)).isEmpty();
            alice.put(KeyTypes.SESSION, "x", bytes("1"));
            alice.delete(KeyTypes.SESSION, "x");
        }
        copy().run();
        assertThat(contents(targetMemory)).isEqualTo(contents(sourceMemory));
    }

    @Test
    @DisplayName("R90 a failure that ends the copy leaves what was written before verified and reported")
    void run_endedByAnOwner_reportsWhatWasWritten() {
        fill(sourceMemory, names(3));
        openSource(FaultyBackend.complete(sourceMemory.reopen(), sourceFaults), builder -> builder.refuseOwned());
        openTarget(FaultyBackend.complete(targetMemory.reopen(), targetFaults), UnaryOperator.identity());
        try (SignalKeyDatabase owner = otherProcess(sourceMemory)) {
            owner.forContext("context 102");

            assertThatThrownBy(copy().contexts(Set.of(names(3)))::run).isInstanceOf(ContextOwnedException.class);

            assertThat(contents(targetMemory)).containsOnlyKeys("context 100");
            assertThat(results).containsOnlyKeys("context 100");
            assertThat(results.get("context 100").outcome()).isEqualTo(Outcome.COPIED);
            source.forContext("context 100");
            target.forContext("context 100");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"add", "change", "delete", "erase"})
    @DisplayName("R90 R91 on a backend without ownership, a change of the source meanwhile makes the copy of it fail")
    void run_sourceChangedMeanwhile_isNoticed(String change) {
        openSource(FaultyBackend.grouping(sourceMemory.reopen(), sourceFaults), UnaryOperator.identity());
        openTarget(FaultyBackend.complete(targetMemory.reopen(), targetFaults), UnaryOperator.identity());
        SignalKeyStore alice = source.forContext("alice");
        fill(alice, "alice");
        targetFaults.on(Operation.COMMIT).run(Moment.AFTER, () -> {
            switch (change) {
                case "add" -> alice.put(KeyTypes.SESSION, "late", bytes("1"));
                case "change" -> alice.put(KeyTypes.SESSION, "bob.149", bytes("1"));
                case "delete" -> alice.delete(OTHER, "x");
                default -> alice.erase();
            }
        });

        CopyReport report = failing(copy().contexts(Set.of("alice")));

        assertThat(report.notCopied()).singleElement().satisfies(result -> {
            assertThat(result.context()).isEqualTo("alice");
            assertThat(result.outcome()).isEqualTo(Outcome.NOT_VERIFIED);
            assertThat(result.reason()).startsWith("the source was changed");
        });
    }

    @Test
    @DisplayName("R90 R91 a source that another process takes over and changes meanwhile is read again")
    void run_sourceTakenOverMeanwhile_isNoticed() {
        fill(sourceMemory, "alice", "bob");
        open();
        targetFaults.on(Operation.COMMIT).inContext("alice").run(Moment.AFTER, () -> {
            try (SignalKeyDatabase other = otherProcess(sourceMemory)) {
                other.forContext("alice").put(KeyTypes.SESSION, "late", bytes("1"));
            }
        });
        targetFaults.on(Operation.COMMIT).inContext("bob").run(Moment.AFTER, () -> {
            try (SignalKeyDatabase other = otherProcess(sourceMemory)) {
                other.forContext("bob"); // changes nothing
            }
        });

        assertThat(failing(copy()).contexts()).isEqualTo(Map.of(Outcome.COPIED, 1L, Outcome.NOT_VERIFIED, 1L));

        assertThat(results.get("alice").reason()).startsWith("the source was changed");
        assertThat(results.get("bob").outcome()).isEqualTo(Outcome.COPIED);
    }

    @Test
    @DisplayName("R91 an entry that the target loses, changes or adds is found, and so is one that it only lists")
    void run_faultyTarget_isFound() {
        Map<Runnable, String> faults = Map.of(
                () -> targetMemory.reopen().delete("alice", "session", "bob.77"),
                        "session/bob.77 is only in the source",
                () -> targetMemory.reopen().save("alice", "session", "none", bytes("1")),
                        "session/none is only in the target",
                () -> targetMemory
                                .reopen()
                                .save("alice", "other", "x", Envelope.seal("alice", "other", "x", bytes("alicf"))),
                        "other/x differs",
                () -> targetMemory.reopen().save("alice", "other", "x", bytes("damaged")), "other/x differs",
                () -> targetFaults
                                .on(Operation.LOAD)
                                .of("session", "bob.5")
                                .forever()
                                .fail(
                                        Moment.BEFORE,
                                        () -> new CorruptEntryException(
                                                "alice", new EntryId("session", "bob.5"), "broken", null)),
                        "session/bob.5 differs");
        faults.forEach((fault, difference) -> {
            fill(sourceMemory, "alice");
            open();
            target.forContext("alice").erase();
            targetFaults.on(Operation.COMMIT).run(Moment.AFTER, fault);

            CopyReport report = failing(copy());

            targetFaults.heal();
            assertThat(report.notCopied()).singleElement().satisfies(result -> {
                assertThat(result.outcome()).isEqualTo(Outcome.NOT_VERIFIED);
                assertThat(result.reason()).contains(difference);
            });
        });
    }

    @Test
    @DisplayName("R91 what is compared is read from the backends: caches are neither used nor filled")
    void run_readsPastTheCaches() {
        fill(sourceMemory, "alice", "bob");
        open();
        long sourceBytes = source.stats().cachedBytes();
        long targetBytes = target.stats().cachedBytes();

        copy().run();

        assertThat(source.stats().loads()).isZero();
        assertThat(target.stats().loads()).isZero();
        assertThat(source.stats().cachedBytes()).isEqualTo(sourceBytes);
        assertThat(target.stats().cachedBytes()).isEqualTo(targetBytes);
        assertThat(targetFaults.loads("session", "bob.7")).isEqualTo(2);
        assertThat(sourceFaults.loads("session", "bob.7")).isEqualTo(2);
    }

    @Test
    @DisplayName("R91 the report has counts, bytes and the documented digest for each context and type")
    void run_reportsDigests() throws Exception {
        open();
        try (SignalKeyDatabase writer = otherProcess(sourceMemory)) {
            SignalKeyStore alice = writer.forContext("alice");
            alice.put(OTHER, "b", bytes("two"));
            alice.put(OTHER, "\u00e4", bytes(""));
            alice.put(OTHER, "a", bytes("one"));
            alice.put(KeyTypes.SESSION, "bob.1", bytes("1"));
        }
        copy().run();

        assertThat(results.get("alice").types())
                .isEqualTo(Map.of(
                        "other",
                        new TypeDigest(3, 6, sha256("a", "one", "b", "two", "\u00e4", "")),
                        "session",
                        new TypeDigest(1, 1, sha256("bob.1", "1"))));
        assertThat(results.get("alice").entries()).isEqualTo(4);
        assertThat(results.get("alice").bytes()).isEqualTo(7);
    }

    private static String sha256(String... idsAndValues) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream parts = new DataOutputStream(bytes);
        for (String part : idsAndValues) {
            byte[] utf8 = part.getBytes(UTF_8);
            parts.writeInt(utf8.length);
            parts.write(utf8);
        }
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray()));
    }

    @Test
    @DisplayName("R43 R90 a context with damaged entries is not copied, and they are named; the others are copied")
    void run_damagedEntries_areNamed() {
        fill(sourceMemory, "alice", "bob", "carol");
        sourceMemory.reopen().save("bob", "session", "bob.3", bytes("damaged"));
        sourceMemory.reopen().save("bob", "session", "bob.148", bytes("damaged"));
        open();
        sourceFaults
                .on(Operation.LOAD)
                .of("other", "x")
                .inContext("carol")
                .forever()
                .fail(
                        Moment.BEFORE,
                        () -> new CorruptEntryException("carol", new EntryId("other", "x"), "broken", null));

        CopyReport report = failing(copy());

        assertThat(contents(targetMemory)).containsOnlyKeys("alice");
        assertThat(report.contexts()).isEqualTo(Map.of(Outcome.COPIED, 1L, Outcome.UNREADABLE, 2L));
        assertThat(results.get("bob").unreadable())
                .containsExactlyInAnyOrder(new EntryId("session", "bob.3"), new EntryId("session", "bob.148"));
        assertThat(results.get("carol").unreadable()).containsExactly(new EntryId("other", "x"));
        assertThat(targetFaults.calls(Operation.COMMIT)).hasSize(1);
    }

    @Test
    @DisplayName("R90 entries that a page of the source cannot read for good end only the copy of their context")
    void run_permanentLoadFailure_isReported() {
        fill(sourceMemory, "alice", "bob");
        open();
        sourceFaults
                .on(Operation.LOAD)
                .inContext("alice")
                .forever()
                .fail(Moment.BEFORE, BackendException.Kind.PERMANENT);

        CopyReport report = failing(copy());

        assertThat(report.contexts()).isEqualTo(Map.of(Outcome.COPIED, 1L, Outcome.UNREADABLE, 1L));
        assertThat(results.get("alice").reason()).startsWith("source: ").contains("Injected failure");
        sourceFaults.heal();
        targetFaults
                .on(Operation.LOAD)
                .inContext("alice")
                .forever()
                .fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
        failing(copy());
        assertThat(results.get("alice").outcome()).isEqualTo(Outcome.NOT_VERIFIED);
        assertThat(results.get("alice").reason()).startsWith("target: ");
        targetFaults.heal();
        copy().run();
        assertThat(results.get("alice").outcome()).isEqualTo(Outcome.ALREADY_THERE);
    }

    @Test
    @DisplayName("R90 a database that cannot be reached now ends the copy; it continues when it is run again")
    void run_transientLoadFailure_endsTheCopy() {
        fill(sourceMemory, "alice", "bob");
        open();
        sourceFaults.on(Operation.LOAD).inContext("bob").forever().fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);

        assertThatThrownBy(copy().contexts(Set.of("alice", "bob"))::run)
                .isInstanceOf(LoadFailedException.class)
                .hasMessageStartingWith("source: ")
                .hasMessageContaining("\"bob\"");
        assertThat(results).as("what was read before is written and reported").containsOnlyKeys("alice");
        assertThat(contents(targetMemory)).containsOnlyKeys("alice");

        sourceFaults.heal();
        copy().run();
        assertThat(contents(targetMemory)).isEqualTo(contents(sourceMemory));
    }

    @Test
    @DisplayName("R94 a dry run reports what would be done, takes nothing over and changes nothing")
    void dryRun_changesNothing() {
        fill(sourceMemory, "alice", "bob", "carol", "dave");
        fill(targetMemory, "bob", "carol");
        try (SignalKeyDatabase writer = otherProcess(targetMemory)) {
            writer.forContext("carol").put(KeyTypes.SESSION, "more", bytes("1"));
        }
        sourceMemory.reopen().save("dave", "session", "bob.3", bytes("damaged"));
        Map<String, Map<String, String>> sourceBefore = contents(sourceMemory);
        Map<String, Map<String, String>> targetBefore = contents(targetMemory);
        open();
        try (SignalKeyDatabase sourceOwner = otherProcess(sourceMemory);
                SignalKeyDatabase targetOwner = otherProcess(targetMemory)) {
            SignalKeyStore alice = sourceOwner.forContext("alice");
            SignalKeyStore bob = targetOwner.forContext("bob");

            CopyReport report = copy().dryRun();

            assertThat(report.dryRun()).isTrue();
            assertThat(report.isComplete()).isFalse();
            assertThat(report.contexts())
                    .isEqualTo(Map.of(
                            Outcome.COPIED, 1L,
                            Outcome.ALREADY_THERE, 1L,
                            Outcome.REFUSED, 1L,
                            Outcome.UNREADABLE, 1L));
            assertThat(results.get("alice").entries()).isEqualTo(153);
            assertThat(results.get("dave").unreadable()).containsExactly(new EntryId("session", "bob.3"));
            assertThat(copy().replacing().dryRun().contexts(Outcome.REPLACED)).isEqualTo(1);
            Operation[] changes = {Operation.TAKE_OVER, Operation.COMMIT, Operation.SAVE, Operation.DELETE};
            assertThat(sourceFaults.calls(changes)).isEmpty();
            assertThat(targetFaults.calls(changes)).isEmpty();
            assertThat(contents(sourceMemory)).isEqualTo(sourceBefore);
            assertThat(contents(targetMemory)).isEqualTo(targetBefore);
            alice.put(KeyTypes.SESSION, "not fenced", bytes("1"));
            bob.put(KeyTypes.SESSION, "not fenced", bytes("1"));
        }
    }

    @Test
    @DisplayName("R94 a dry run finds the digests that the copy then finds")
    void dryRun_findsTheSameDigests() {
        fill(sourceMemory, "alice", "bob");
        open();
        copy().dryRun();
        Map<String, CopyReport.ContextResult> dry = Map.copyOf(results);
        copy().run();
        assertThat(results).isEqualTo(dry);
    }

    @Test
    @DisplayName("R90 progress counts contexts, entries and bytes, and ends at the totals")
    void run_reportsProgress() {
        fill(sourceMemory, "alice", "bob");
        fill(targetMemory, "bob");
        open();
        List<CopyProgress> seen = new ArrayList<>();

        CopyReport report =
                copy().contexts(Set.of("alice", "bob")).listener(seen::add).run();

        assertThat(seen).first().isEqualTo(new CopyProgress(0, 2, 1, 5)); // the credentials, on a separate page
        assertThat(seen).last().isEqualTo(new CopyProgress(2, 2, report.entries(), report.bytes()));
        assertThat(seen).extracting(CopyProgress::entries).isSorted();
        assertThat(seen).extracting(CopyProgress::bytes).isSorted();
        assertThat(seen).extracting(CopyProgress::contexts).isSorted().contains(1L);
    }

    @Test
    @DisplayName("R90 a copy that its listener or an interrupt ends continues when it is run again")
    void run_endedBetweenContexts_continues() {
        fill(sourceMemory, names(20));
        open();
        IllegalStateException stop = new IllegalStateException("stop");
        assertThatThrownBy(() -> StoreCopy.from(source)
                        .to(target)
                        .onContext(result -> {
                            throw stop;
                        })
                        .run())
                .isSameAs(stop);
        assertThat(contents(targetMemory))
                .as("the first commit, and the next one")
                .hasSize(1 + 2);

        assertThatThrownBy(() -> StoreCopy.from(source)
                        .to(target)
                        .onContext(result -> {
                            if (result.outcome() == Outcome.COPIED) {
                                Thread.currentThread().interrupt();
                            }
                        })
                        .run())
                .isInstanceOf(OperationInterruptedException.class)
                .hasMessage("Interrupted while waiting for contexts to be copied; those that were copied before stay in"
                        + " the target; run it again");
        assertThat(Thread.interrupted()).isTrue();
        assertThat(contents(targetMemory)).hasSize(1 + 2 + 4 + 8);

        assertThat(copy().run().contexts()).isEqualTo(Map.of(Outcome.ALREADY_THERE, 15L, Outcome.COPIED, 5L));
        assertThat(contents(targetMemory)).isEqualTo(contents(sourceMemory));
    }

    @Test
    @DisplayName("R90 an exception of the listener is not taken for a failure of the context that is being copied")
    void run_listenerFails_endsTheCopy() {
        fill(sourceMemory, "alice");
        open();
        LoadFailedException failure = new LoadFailedException("the listener's own", new IllegalStateException());
        assertThatThrownBy(() -> copy().listener(progress -> {
                            throw failure;
                        })
                        .run())
                .isSameAs(failure);
        assertThat(contents(targetMemory)).isEmpty();
    }

    @Test
    @DisplayName("R90 an interrupt while a context is read ends the copy, and nothing of the context is written")
    void run_interruptedWithinAContext_ends() {
        fill(sourceMemory, "alice");
        open();
        assertThatThrownBy(
                        () -> copy().listener(progress -> Thread.currentThread().interrupt())
                                .run())
                .isInstanceOf(OperationInterruptedException.class)
                .cause()
                .hasMessageContaining("\"alice\"");
        assertThat(Thread.interrupted()).isTrue();
        assertThat(contents(targetMemory)).isEmpty();
    }

    @Test
    @DisplayName("R51 R90 a context that the target cannot hold is refused; the others are copied")
    void run_contextFreeTarget_takesOneContext() {
        fill(sourceMemory, "alice", "default");
        openSource(sourceMemory.reopen(), UnaryOperator.identity());
        openTarget(new MinimalBackend(), UnaryOperator.identity());

        assertThat(failing(copy()).contexts()).isEqualTo(Map.of(Outcome.COPIED, 1L, Outcome.REFUSED, 1L));
        assertThat(results.get("alice").reason()).contains("has no other context");
        assertThat(find(target, "default", "bob.1")).isEqualTo("default1");
        assertThatThrownBy(() -> copy().contexts(Set.of("alice")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("context must be \"default\"");
    }

    @Test
    @DisplayName("R55 R90 a source whose contexts cannot be listed is refused, unless they are named")
    void run_unlistableSource_needsNames() {
        fill(sourceMemory, "alice");
        openSource(FaultyBackend.plain(sourceMemory.reopen(), sourceFaults), UnaryOperator.identity());
        openTarget(FaultyBackend.plain(targetMemory.reopen(), targetFaults), UnaryOperator.identity());
        assertThatThrownBy(copy()::run)
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining(ContextListing.class.getName());

        copy().contexts(Set.of("alice")).run();

        assertThat(contents(targetMemory)).isEqualTo(contents(sourceMemory));
    }

    @Test
    @DisplayName("R90 the next contexts are read while the former ones are written")
    void run_nextContexts_areReadMeanwhile() throws Exception {
        fill(sourceMemory, "alice", "bob");
        open();
        CountDownLatch bobRead = new CountDownLatch(1);
        Gate commit = targetFaults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<CopyReport> copying = Threads.start(() -> copy().listener(progress -> {
                    if (progress.entries() > 153) {
                        bobRead.countDown();
                    }
                })
                .run());
        commit.awaitReached();
        assertThat(bobRead.await(20, TimeUnit.SECONDS)).isTrue();
        commit.open();
        assertThat(copying.result().isComplete()).isTrue();
        assertThat(contents(targetMemory)).isEqualTo(contents(sourceMemory));
    }

    @Test
    @DisplayName("R90 threads that open the context in this process wait until it is copied, and then see all of it")
    void run_openedMeanwhile_waits() throws Exception {
        fill(sourceMemory, "alice");
        open();
        Gate gate = targetFaults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<CopyReport> copying = Threads.start(() -> copy().run());
        gate.awaitReached();
        Threads.Running<String> inTarget = Threads.start(() -> find(target, "alice", "bob.1"));
        Threads.Running<String> inSource = Threads.start(() -> find(source, "alice", "bob.1"));
        inTarget.awaitWaiting();
        inSource.awaitWaiting();
        gate.open();
        assertThat(copying.result().isComplete()).isTrue();
        assertThat(inTarget.result()).isEqualTo("alice1");
        assertThat(inSource.result()).isEqualTo("alice1");
    }

    @Test
    @DisplayName("R90 a verification that hangs in a backend ends the copy; the contexts can be opened again")
    void finish_verificationHangs_fails() throws Exception {
        fill(sourceMemory, "alice");
        open();
        Gate gate = sourceFaults.on(Operation.OWNER).hold(Moment.BEFORE);
        ContextCopy alice = new ContextCopy(source, target, "alice", false, null, copy -> {});
        try (CopyGroup group = new CopyGroup(source, target, List.of(alice), Duration.ofMillis(20))) {
            group.prepare();
            assertThat(group.read()).isEqualTo(1);
            group.commit();
            group.startVerifying();
            gate.awaitReached();
            assertThatThrownBy(group::finish)
                    .isInstanceOf(LoadFailedException.class)
                    .hasMessageContaining("\"alice\" was written, but could not be verified");
        }
        assertThat(find(target, "alice", "bob.1")).isEqualTo("alice1");
        gate.open();
        assertThat(contents(targetMemory)).isEqualTo(contents(sourceMemory));
    }

    @Test
    @DisplayName("arguments are checked: target, names of contexts, closed databases")
    void arguments_areChecked() {
        open();
        assertThatThrownBy(() -> StoreCopy.from(source).to(source))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("target must not be the source");
        assertThatThrownBy(() -> copy().contexts(Set.of(" "))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> copy().contexts(Set.of("_store"))).isInstanceOf(IllegalArgumentException.class);
        assertThat(copy().run().contexts()).isEmpty();
        StoreCopy copy = copy();
        target.close();
        assertThatThrownBy(copy::run).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(copy::dryRun).isInstanceOf(IllegalStateException.class);
    }

    @Test
    @DisplayName("the exception of an incomplete copy names at most 20 contexts, and can be serialized with its report")
    void incomplete_isSerializable() throws Exception {
        open();
        Set<String> names = new TreeSet<>();
        for (int i = 0; i < 25; i++) {
            names.add("context " + i);
        }
        CopyIncompleteException failure =
                catchThrowableOfType(CopyIncompleteException.class, copy().contexts(names)::run);
        assertThat(failure)
                .hasMessageStartingWith("25 contexts were not copied: ")
                .hasMessageContaining("\"context 0\": the source holds no entry of it;")
                .hasMessageEndingWith(
                        "; and 5 more; all others are in the target; remove the reasons, and run it again");
        assertThat(read(written(failure)))
                .isInstanceOfSatisfying(
                        CopyIncompleteException.class,
                        read -> assertThat(read.report()).isEqualTo(failure.report()));
    }

    private static byte[] written(Object object) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(object);
        }
        return bytes.toByteArray();
    }

    private static Object read(byte[] bytes) throws IOException, ClassNotFoundException {
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes))) {
            return in.readObject();
        }
    }
}
