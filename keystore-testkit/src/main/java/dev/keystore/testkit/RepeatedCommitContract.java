package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.OwnershipLostException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation.Clear;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A commit that is repeated with the same epoch and sequence is written once. */
abstract class RepeatedCommitContract extends OwnershipContract {

    RepeatedCommitContract(BackendFixture fixture) {
        super(fixture);
    }

    @Test
    @DisplayName("R54 sequence numbers may have gaps within an epoch and restart with each epoch")
    void commit_sequenceWithGaps_isWritten() {
        long first = takeOver();
        owned().commit(new Batch(CONTEXT, first, 1, List.of(put("1", "1"))));
        owned().commit(new Batch(CONTEXT, first, 5_000_000_000L, List.of(put("1", "2"))));
        owned().commit(new Batch(CONTEXT, takeOver(), 1, List.of(put("1", "3"))));

        assertHolds("1", "3");
    }

    @Test
    @DisplayName("R54 a batch that is committed again with the same epoch and sequence is not written twice")
    void commit_repeated_isNotWrittenAgain() {
        long epoch = takeOver();
        Batch batch = new Batch(CONTEXT, epoch, 1, List.of(put("1", "a"), new Clear(Set.of()), put("2", "a")));
        owned().commit(batch);
        entries().save(CONTEXT, TYPE, "2", bytes("since"));

        owned().commit(batch);

        assertHolds("2", "since");
        owned().commit(new Batch(CONTEXT, epoch, 2, List.of(put("2", "next"))));
        assertHolds("2", "next");
    }

    @Test
    @DisplayName("R54 a group that is committed again is not written twice")
    void commit_repeatedGroup_isNotWrittenAgain() {
        GroupCommit grouping = backend().require(GroupCommit.class);
        String other = backend().supports(ContextAwareBackend.class) ? "bob" : CONTEXT;
        long epoch = takeOver();
        long ofOther = other.equals(CONTEXT) ? epoch : owned().takeOver(other);
        List<Batch> group = List.of(
                new Batch(CONTEXT, epoch, 1, List.of(put("1", "a"))),
                new Batch(other, ofOther, 2, List.of(put("2", "a"))),
                new Batch(CONTEXT, epoch, 3, List.of(put("3", "a"))));
        grouping.commit(group);
        entries().save(other, TYPE, "2", bytes("since"));

        grouping.commit(group);

        assertHolds(other, TYPE, "2", bytes("since"));
        assertHolds("3", "a");
        grouping.commit(List.of(new Batch(CONTEXT, epoch, 4, List.of(delete("1")))));
        assertAbsent("1");
    }

    @Test
    @DisplayName("R54 a former owner that repeats its last commit learns whether it was written")
    void commit_repeatedAfterTakeover_reportsWhetherItWasWritten() {
        long former = takeOver();
        Batch written = new Batch(CONTEXT, former, 1, List.of(put("1", "written")));
        Batch unwritten = new Batch(CONTEXT, former, 5, List.of(put("1", "unwritten")));
        owned().commit(written);
        long current = takeOver();

        assertThatCode(() -> owned().commit(written)).doesNotThrowAnyException();
        assertThatExceptionOfType(OwnershipLostException.class).isThrownBy(() -> owned().commit(unwritten));
        assertHolds("1", "written");
        owned().commit(new Batch(CONTEXT, current, 3, List.of(put("1", "of the new owner"))));
        assertThatCode(() -> owned().commit(written)).doesNotThrowAnyException();
        assertThatExceptionOfType(OwnershipLostException.class).isThrownBy(() -> owned().commit(unwritten));
        assertHolds("1", "of the new owner");
    }

    @Test
    @DisplayName("R54 the last commit of an epoch is known until a later owner has committed and lost the context")
    void lastCommit_ofFormerEpochs_isKnownOrEmpty() {
        long first = takeOver();
        assertThat(owned().lastCommit(CONTEXT, first)).hasValue(0);
        owned().commit(new Batch(CONTEXT, first, 3, List.of(put("1", "3"))));
        owned().commit(new Batch(CONTEXT, first, 5, List.of(put("1", "5"))));
        assertThat(owned().lastCommit(CONTEXT, first)).hasValue(5);

        long second = takeOver();
        long third = takeOver();
        assertThat(owned().lastCommit(CONTEXT, first)).hasValue(5);
        assertThat(owned().lastCommit(CONTEXT, second)).hasValue(0);
        owned().commit(new Batch(CONTEXT, third, 7, List.of(put("1", "7"))));
        assertThat(owned().lastCommit(CONTEXT, first)).hasValue(5);
        assertThat(owned().lastCommit(CONTEXT, second)).hasValue(0);
        assertThat(owned().lastCommit(CONTEXT, third)).hasValue(7);

        long fourth = takeOver();
        owned().commit(new Batch(CONTEXT, fourth, 9, List.of(put("1", "9"))));
        assertThat(owned().lastCommit(CONTEXT, fourth)).hasValue(9);
        assertThat(owned().lastCommit(CONTEXT, third)).hasValue(7);
        OptionalLong forgotten = owned().lastCommit(CONTEXT, first);
        assertThat(forgotten.orElse(5))
                .as("the last commit, if it is still known")
                .isEqualTo(5);
    }
}
