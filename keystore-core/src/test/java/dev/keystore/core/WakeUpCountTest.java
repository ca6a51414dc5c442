package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.testkit.Call.Operation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedClass;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** How often the threads of commits park: each time more is a wake-up, and a switch of threads, that was in vain. */
@Timeout(60)
class WakeUpCountTest extends OpenedDatabase {

    private static final int FOLLOWERS = 13;

    @TempDir
    private Path folder;

    @BeforeEach
    void openDatabase() {
        open(UnaryOperator.identity());
        put("first", "0"); // loads the classes
    }

    @Test
    @DisplayName("The commits of a single thread never park it")
    void commit_ofASingleThread_parksNothing() throws Exception {
        Map<Long, Long> parks = parksOfCommits(() -> {
            for (int n = 0; n < 100; n++) {
                put("a", Integer.toString(n));
            }
        });

        assertThat(parks).isEmpty();
    }

    @Test
    @DisplayName("The commits of one group park each of their threads once, the next leader's included")
    void commit_inAGroup_parksOnce() throws Exception {
        List<Threads.Running<Boolean>> followers = new ArrayList<>();
        Map<Long, Long> parks = parksOfCommits(() -> {
            QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
            for (int n = 0; n < FOLLOWERS; n++) {
                String id = "follower-" + n;
                followers.add(line.add(() -> put(id, "1")));
            }
            line.advance();
            for (Threads.Running<Boolean> follower : followers) {
                follower.result();
            }
        });

        assertThat(parks)
                .hasSize(FOLLOWERS)
                .containsOnlyKeys(followers.stream()
                        .map(follower -> follower.thread().getId())
                        .toList())
                .allSatisfy((thread, count) -> assertThat(count).isEqualTo(1));
        assertThat(faults.calls(Operation.COMMIT))
                .filteredOn(call -> call.entries().size() == FOLLOWERS)
                .hasSize(1);
    }

    private interface Work {
        void run() throws Exception;
    }

    /** Runs {@code work}, and returns how often each thread parked for the end of its commit. */
    private Map<Long, Long> parksOfCommits(Work work) throws Exception {
        Path file = folder.resolve("parks.jfr");
        try (Recording recording = new Recording()) {
            recording.enable("jdk.ThreadPark").withoutThreshold().withoutStackTrace();
            recording.start();
            work.run();
            recording.stop();
            recording.dump(file);
        }
        return RecordingFile.readAllEvents(file).stream()
                .filter(WakeUpCountTest::isOfACommit)
                .collect(Collectors.groupingBy(event -> event.getThread().getJavaThreadId(), Collectors.counting()));
    }

    private static boolean isOfACommit(RecordedEvent event) {
        if (!event.getEventType().getName().equals("jdk.ThreadPark")) {
            return false;
        }
        RecordedClass blocker = event.getClass("parkedClass");
        return blocker != null && blocker.getName().equals(CommitPipeline.class.getName());
    }
}
