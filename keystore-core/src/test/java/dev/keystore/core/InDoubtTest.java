package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.Gate;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Commits of unknown outcome on a backend that identifies commits by their ids. */
@Timeout(60)
class InDoubtTest extends OpenedDatabase {

    private final List<String> lost = new CopyOnWriteArrayList<>();

    private void openOwned(Duration commitTimeout) {
        open(
                FaultyBackend.complete(memory.reopen(), faults),
                options -> options.commitTimeout(commitTimeout)
                        .loadTimeout(commitTimeout)
                        .onOwnershipLost(lost::add));
    }

    @ParameterizedTest
    @EnumSource(
            value = Moment.class,
            names = {"BEFORE", "AFTER"})
    @DisplayName("R54 a commit of unknown outcome is sent again until the outcome is known, and written once")
    void commit_outcomeUnknown_isWrittenOnce(Moment moment) {
        openOwned(Duration.ofSeconds(30));
        put("a", "before");
        faults.forgetCalls();
        faults.on(Operation.COMMIT).fail(moment, Kind.OUTCOME_UNKNOWN);
        faults.on(Operation.COMMIT).nth(2).times(2).fail(Moment.BEFORE, Kind.TRANSIENT);
        faults.on(Operation.COMMIT).nth(4).fail(Moment.BEFORE, Kind.PERMANENT);

        putBoth("a", "b", "after");

        assertThat(faults.count(Operation.COMMIT)).isEqualTo(5);
        assertThat(session("a")).isEqualTo("after");
        assertThat(persisted("a")).isEqualTo("after");
        assertThat(persisted("b")).isEqualTo("after");
        assertThat(database.stats().commits()).isEqualTo(2);
        put("a", "next");
        assertThat(persisted("a")).isEqualTo("next");
    }

    @ParameterizedTest
    @EnumSource(
            value = Moment.class,
            names = {"BEFORE", "AFTER"})
    @DisplayName("R41 R54 at commitTimeout the outcome is reported as unknown; commits resume by "
            + "themselves once it is known")
    void commit_backendStaysAway_refusesToGoOn(Moment moment) {
        openOwned(Duration.ofMillis(500));
        put("a", "before");
        put("cached", "still");
        faults.on(Operation.COMMIT).fail(moment, Kind.OUTCOME_UNKNOWN);
        faults.on(Operation.COMMIT).nth(2).forever().fail(Moment.BEFORE, Kind.TRANSIENT);

        assertThatThrownBy(() -> putBoth("a", "b", "doubt"))
                .isInstanceOf(CommitOutcomeUnknownException.class)
                .hasCauseInstanceOf(BackendException.class);

        assertThat(session("cached")).isEqualTo("still");
        assertThatThrownBy(() -> session("b")).isInstanceOf(LoadFailedException.class);
        assertThatThrownBy(() -> put("c", "1"))
                .isInstanceOf(CommitFailedException.class)
                .hasMessageContaining("nothing was written");
        faults.heal();
        Threads.awaitTrue("the outcome is known", () -> persisted("b").equals("doubt"));
        Threads.awaitTrue("reads continue", () -> !readFails("b"));
        assertThat(session("a")).isEqualTo("doubt");
        assertThat(session("b")).isEqualTo("doubt");
        put("a", "next");
        assertThat(persisted("a")).isEqualTo("next");
        assertThat(persisted("c")).isEqualTo("absent");
    }

    private boolean readFails(String id) {
        try {
            session(id);
            return false;
        } catch (LoadFailedException e) {
            return true;
        }
    }

    /** Makes the outcome of the next commit unknown, while some other owners take its context over and commit to it. */
    private void loseNextInDoubt(Moment moment, int owners) {
        faults.on(Operation.COMMIT).run(moment, () -> {
            for (int i = 0; i < owners; i++) {
                try (SignalKeyDatabase others =
                        SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
                    others.forContext("alice").put(KeyTypes.SESSION, "a", new byte[] {'x'});
                }
            }
            throw BackendException.outcomeUnknown("planted", null);
        });
    }

    @Test
    @DisplayName("R53 R54 a commit in doubt that was written before another owner committed is reported as written")
    void commit_writtenThenLostInDoubt_isAcknowledged() {
        openOwned(Duration.ofSeconds(30));
        put("a", "before");
        loseNextInDoubt(Moment.AFTER, 1);

        putBoth("a", "b", "doubt");

        assertThat(persisted("a")).isEqualTo("x");
        assertThat(persisted("b")).isEqualTo("doubt");
        assertThatThrownBy(() -> put("a", "late")).isInstanceOf(OwnershipLostException.class);
        assertThat(session("a")).isEqualTo("x");
        assertThat(lost).containsExactly("alice");
    }

    @Test
    @DisplayName(
            "R53 R54 a commit in doubt that was not written before another owner committed is reported as not written")
    void commit_unwrittenAndLostInDoubt_isRefused() {
        openOwned(Duration.ofSeconds(30));
        put("a", "before");
        loseNextInDoubt(Moment.BEFORE, 1);
        faults.on(Operation.LAST_COMMIT).times(2).fail(Moment.BEFORE, Kind.TRANSIENT);

        assertThatThrownBy(() -> putBoth("a", "b", "doubt")).isInstanceOf(OwnershipLostException.class);

        assertThat(faults.count(Operation.LAST_COMMIT)).isEqualTo(3);
        assertThat(lost).containsExactly("alice");
        assertThat(session("a")).isEqualTo("x");
        assertThat(session("b")).isEqualTo("absent");
        assertThat(persisted("b")).isEqualTo("absent");
    }

    @Test
    @DisplayName("R53 R54 in a group in doubt that was not written, only the commit whose context is lost fails")
    void commit_oneOfAGroupLostInDoubt_failsAlone() throws Exception {
        openOwned(Duration.ofSeconds(30));
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> first = Threads.run(() -> put("first", "1"));
        gate.awaitReached();
        Threads.Running<Boolean> ofAlice = Threads.run(() -> put("a", "1")).awaitCommitting();
        Threads.Running<Boolean> ofBob = Threads.run(
                        () -> database.forContext("bob").put(KeyTypes.SESSION, "b", new byte[] {'1'}))
                .awaitCommitting();
        loseNextInDoubt(Moment.BEFORE, 2);
        gate.open();

        first.result();
        assertThat(ofAlice.failure()).isInstanceOf(OwnershipLostException.class);
        ofBob.result();
        assertThat(persisted("a")).isEqualTo("x");
        assertThat(database.forContext("bob").find(KeyTypes.SESSION, "b")).isPresent();
    }

    @ParameterizedTest
    @EnumSource(
            value = Moment.class,
            names = {"BEFORE", "AFTER"})
    @DisplayName("R53 R54 an outcome that two later owners have overwritten stays unknown, and the context is lost")
    void commit_lostTwiceInDoubt_isUnknown(Moment moment) {
        openOwned(Duration.ofSeconds(30));
        put("a", "before");
        put("cached", "1");
        loseNextInDoubt(moment, 2);

        assertThatThrownBy(() -> put("a", "doubt")).isInstanceOf(CommitOutcomeUnknownException.class);

        int loads = faults.count(Operation.LOAD);
        assertThat(session("cached")).isEqualTo("1");
        assertThat(faults.count(Operation.LOAD)).isEqualTo(loads + 1);
        assertThat(session("a")).isEqualTo("x");
        assertThat(lost).isEmpty();
        assertThatThrownBy(() -> put("a", "late")).isInstanceOf(OwnershipLostException.class);
        assertThat(lost).containsExactly("alice");
    }

    @Test
    @DisplayName("R54 an outcome that the backend can never find out stays unknown, and later commits continue")
    void commit_lostInDoubtAndNotFoundOut_isUnknown() {
        openOwned(Duration.ofSeconds(30));
        put("a", "before");
        loseNextInDoubt(Moment.BEFORE, 1);
        faults.on(Operation.LAST_COMMIT).forever().fail(Moment.BEFORE, Kind.PERMANENT);

        assertThatThrownBy(() -> put("a", "doubt")).isInstanceOf(CommitOutcomeUnknownException.class);

        assertThatThrownBy(() -> put("a", "late")).isInstanceOf(OwnershipLostException.class);
        database.forContext("bob").put(KeyTypes.SESSION, "b", new byte[] {'1'});
        assertThat(database.forContext("bob").find(KeyTypes.SESSION, "b")).isPresent();
    }

    @Test
    @DisplayName("R28 closing while an outcome is unknown waits no longer than commitTimeout")
    void close_whileInDoubt_returns() {
        openOwned(Duration.ofMillis(500));
        faults.on(Operation.COMMIT).forever().fail(Moment.AFTER, Kind.OUTCOME_UNKNOWN);
        assertThatThrownBy(() -> put("a", "doubt")).isInstanceOf(CommitOutcomeUnknownException.class);

        database.close();

        assertThat(persisted("a")).isEqualTo("doubt");
        assertThatThrownBy(() -> session("a")).isInstanceOf(IllegalStateException.class);
    }

    @Test
    @DisplayName("R54 each commit of a group in doubt reports its true outcome")
    void commit_groupInDoubt_eachReportsItsOutcome() throws Exception {
        openOwned(Duration.ofSeconds(30));
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> first = Threads.run(() -> put("first", "1"));
        gate.awaitReached();
        List<Threads.Running<Boolean>> group = List.of(
                Threads.run(() -> put("a", "1")).awaitCommitting(),
                Threads.run(() -> database.forContext("bob").put(KeyTypes.SESSION, "b", new byte[] {'1'}))
                        .awaitCommitting());
        faults.on(Operation.COMMIT).fail(Moment.AFTER, Kind.OUTCOME_UNKNOWN);
        gate.open();

        first.result();
        for (Threads.Running<Boolean> one : group) {
            one.result();
        }
        assertThat(persisted("first")).isEqualTo("1");
        assertThat(persisted("a")).isEqualTo("1");
        assertThat(database.forContext("bob").find(KeyTypes.SESSION, "b")).isPresent();
    }
}
