package dev.keystore.bench.timeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.commit.CommittingThreads;
import dev.keystore.bench.timeline.GroupTimeline.Bar;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class GroupTimelineTest {

    private static final long MICRO = 1_000;

    @TempDir
    private Path folder;

    private final List<TracedCall> calls = new ArrayList<>();

    private void call(TracedMethod method, long thread, long beginMicros, long endMicros) {
        calls.add(new TracedCall(method, thread, beginMicros * MICRO, endMicros * MICRO));
    }

    /** Adds the calls of a group that thread 1 leads, with its own commit and those of threads 2 to {@code threads}. */
    private void group(long start, int threads) {
        call(TracedMethod.COMMIT, 1, start, start + 290);
        call(TracedMethod.ADD, 1, start + 2, start + 4);
        for (int thread = 2; thread <= threads; thread++) {
            call(TracedMethod.COMMIT, thread, start, start + 300 + 10L * thread);
            call(TracedMethod.ADD, thread, start + thread, start + thread + 1);
        }
        call(TracedMethod.LEAD, 1, start + 20, start + 280);
        call(TracedMethod.TAKE, 1, start + 21, start + 25);
        call(TracedMethod.CHECK, 1, start + 25, start + 30);
        call(TracedMethod.WRITE, 1, start + 30, start + 230);
        call(TracedMethod.FORCE_JOURNAL, 1, start + 80, start + 220);
        call(TracedMethod.CONCLUDE, 1, start + 231, start + 260);
        call(TracedMethod.PUBLISH, 1, start + 231, start + 240);
        call(TracedMethod.HAND_OFF, 1, start + 260, start + 270);
    }

    @Test
    void of_twoGroupsOfThreeThreads_measuresEachStepFromTheEndOfTheLastWrite() {
        group(1_000, 3);
        group(2_000, 3);
        Collections.shuffle(calls, new Random(1));

        GroupTimeline timeline = GroupTimeline.of(calls);

        assertThat(timeline.groups()).isEqualTo(2);
        assertThat(timeline.commits()).isEqualTo(6);
        assertThat(timeline.commitsOfAGroup()).isEqualTo(3);
        assertThat(timeline.cycle().medianMicros()).isEqualTo(1_000);
        assertThat(timeline.commit().mostMicros()).isEqualTo(330 - 3);
        assertThat(timeline.bars())
                .extracting(
                        Bar::title,
                        bar -> bar.begin().medianMicros(),
                        bar -> bar.length().medianMicros())
                .containsExactly(
                        tuple("publish to the cache", 1.0, 9.0),
                        tuple("end the commits, wake their threads", 10.0, 20.0),
                        tuple("their threads return, first to last", 60.0, 40.0),
                        tuple("hand off the lead", 30.0, 10.0),
                        tuple("next commits are added, first to last", 772.0, 1.0),
                        tuple("the next leader wakes", 30.0, 760.0),
                        tuple("take the group", 791.0, 4.0),
                        tuple("check it", 795.0, 5.0),
                        tuple("write it to the backend", 800.0, 200.0),
                        tuple("… of which the fsync", 850.0, 140.0));
    }

    @Test
    void of_oneGroup_isRefused() {
        group(1_000, 1);

        assertThatThrownBy(() -> GroupTimeline.of(calls)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void svg_drawsABarForEachStep() {
        group(1_000, 2);
        group(2_000, 2);

        String svg = new TimelineChart("a title", Map.of("2 threads", GroupTimeline.of(calls))).svg();

        assertThat(svg).contains("a title", "2 threads", "hand off the lead", "… of which the fsync");
        assertThat(svg.split("<rect ")).hasSize(1 + 1 + 10);
    }

    @ParameterizedTest
    @EnumSource
    void tracedMethod_exists(TracedMethod traced) throws ClassNotFoundException {
        assertThat(Arrays.stream(Class.forName(traced.className()).getDeclaredMethods()))
                .as("%s", traced)
                .anyMatch(method -> method.getName().equals(traced.method()));
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_25)
    void record_commitsOfFourThreads_findsTheirGroups() throws Exception {
        try (CommittingThreads threads = CommittingThreads.open(CommitPeers.KEYSTORE_MAPDB, 4, 100, folder)) {
            GroupTimeline timeline = GroupTimeline.of(GroupTrace.record(threads, Duration.ofMillis(500)));

            assertThat(timeline.groups()).isPositive();
            assertThat(timeline.commitsOfAGroup()).isBetween(0.9, 4.0);
            assertThat(timeline.bars()).hasSize(10);
        }
    }
}
