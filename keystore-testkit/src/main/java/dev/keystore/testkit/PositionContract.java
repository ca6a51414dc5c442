package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.ContextPosition;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.ContextPositions;
import dev.keystore.spi.Mutation.Clear;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The position of each context stands in the store. */
abstract class PositionContract extends Contract {

    PositionContract(BackendFixture fixture) {
        super(fixture);
    }

    @BeforeEach
    final void requireCapability() {
        backend().require(ContextPositions.class);
        backend().require(AtomicCommit.class);
    }

    private Optional<ContextPosition> position(String context) {
        return backend().require(ContextPositions.class).position(context);
    }

    @Test
    @DisplayName("R81 a context has a position from its first commit on, and each commit raises it")
    void position_commits_raiseIt() {
        assertThat(position("alice")).isEmpty();
        backend().commit("alice", put("1", "value"));
        ContextPosition first = position("alice").orElseThrow();
        assertThat(position("alice")).contains(first);
        backend().commit("alice", put("1", "value"));
        ContextPosition second = position("alice").orElseThrow();
        backend().commit("alice", delete("1"), put("2", "value"));
        assertThat(second).isGreaterThan(first);
        assertThat(position("alice").orElseThrow()).isGreaterThan(second);
    }

    @Test
    @DisplayName("R81 R50 the position of a context does not change with commits of another one")
    void position_otherContext_isApart() {
        backend().commit("alice", put("1", "value"));
        Optional<ContextPosition> alice = position("alice");
        backend().commit("bob", put("1", "value"));

        assertThat(position("alice")).isEqualTo(alice);
        assertThat(position("bob")).isPresent();
        assertThat(position("ali")).isEmpty();
    }

    @Test
    @DisplayName("R81 a commit that clears a context of all but some types raises its position")
    void position_clear_raisesIt() {
        backend().commit("alice", put("1", "value"), put("_a", "1", "value"));
        ContextPosition before = position("alice").orElseThrow();
        backend().commit("alice", new Clear(Set.of("_a")));

        assertThat(position("alice").orElseThrow()).isGreaterThan(before);
    }

    @Test
    @DisplayName("R81 neither reading a position nor a takeover changes it")
    void position_takeOver_keepsIt() {
        ContextOwnership owned = backend().require(ContextOwnership.class);
        backend().commit("alice", put("1", "value"));
        Optional<ContextPosition> before = position("alice");
        owned.takeOver("alice");
        owned.takeOver("bob");

        assertThat(position("alice")).isEqualTo(before);
        assertThat(position("bob")).isEmpty();
    }

    @Test
    @DisplayName("R81 R61 positions survive reopening, and are raised from there")
    void position_reopened_survives() throws Exception {
        backend().commit("alice", put("1", "value"));
        backend().commit("alice", put("2", "value"));
        backend().commit("bob", put("1", "value"));
        Optional<ContextPosition> alice = position("alice");
        Optional<ContextPosition> bob = position("bob");
        reopen();

        assertThat(position("alice")).isEqualTo(alice);
        assertThat(position("bob")).isEqualTo(bob);
        backend().commit("alice", put("1", "value"));
        assertThat(position("alice").orElseThrow()).isGreaterThan(alice.orElseThrow());
    }

    @Test
    @DisplayName(
            "R81 there is a bound for the positions of contexts that hold nothing any more, and a new context begins"
                    + " above it")
    void highestForgotten_isBelowNewContexts() throws Exception {
        for (int i = 0; i < 3; i++) {
            String context = "context " + i;
            Optional<ContextPosition> before = highestForgotten();
            backend().commit(context, put("1", "value"));
            ContextPosition position = position(context).orElseThrow();
            before.ifPresent(bound -> assertThat(position).isGreaterThan(bound));
            backend().commit(context, new Clear(Set.of()));
            reopen();

            ContextPosition reached =
                    position(context).or(this::highestForgotten).orElseThrow();
            assertThat(reached).isGreaterThanOrEqualTo(position);
        }
    }

    private Optional<ContextPosition> highestForgotten() {
        return backend().require(ContextPositions.class).highestForgotten();
    }
}
