package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.OwnershipLostException;
import dev.keystore.TransactionConflictException;
import dev.keystore.core.Fixture.Kind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import jdk.jfr.EventType;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Recording;
import jdk.jfr.SettingDescriptor;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The events of the flight recorder. */
@Timeout(120)
class FlightRecorderTest {

    private static final List<String> MEASURED = List.of("Load", "LockWait", "Commit", "GroupWrite", "Transaction");

    @TempDir
    private Path folder;

    @Test
    @DisplayName("R100 R101 a recording holds what a database did, and no value, id, lock key or context")
    void recording_holdsEventsWithoutKeys() throws Exception {
        List<RecordedEvent> events = record(recording -> MEASURED.forEach(
                name -> recording.enable("dev.keystore." + name).withoutThreshold()));

        Map<String, Long> counts = events.stream()
                .collect(Collectors.groupingBy(event -> event.getEventType().getLabel(), Collectors.counting()));
        assertThat(counts)
                .containsExactlyInAnyOrderEntriesOf(Map.of(
                        "Load", 1L,
                        "Lock Wait", 1L,
                        "Commit", 4L,
                        "Group Write", 3L,
                        "Transaction", 1L,
                        "Conflict", 1L,
                        "Ownership Lost", 1L));
        assertThat(events).extracting(RecordedEvent::toString).noneMatch(text -> text.contains("secret"));

        RecordedEvent transaction = only(events, "Transaction");
        Duration phases = transaction
                .getDuration("waitNanos")
                .plus(transaction.getDuration("workNanos"))
                .plus(transaction.getDuration("commitNanos"));
        assertThat(phases).isPositive();
        assertThat(transaction.getInt("attempts")).isEqualTo(1);
        assertThat(transaction.getBoolean("succeeded")).isFalse();
        assertThat(only(events, "Load").getInt("entries")).isEqualTo(1);
        assertThat(events.stream()
                        .filter(event -> event.getEventType().getLabel().equals("Commit"))
                        .map(event -> event.getString("result")))
                .containsExactlyInAnyOrder("WRITTEN", "WRITTEN", "CONFLICT", "OWNERSHIP_LOST");
    }

    @Test
    @DisplayName("R100 by default, a recording holds only the rare events and the slow ones, and no load")
    void recording_byDefault_holdsRareAndSlowEvents() throws Exception {
        List<RecordedEvent> events = record(recording -> {});

        assertThat(events)
                .extracting(event -> event.getEventType().getLabel())
                .contains("Conflict", "Ownership Lost")
                .doesNotContain("Load");
        assertThat(only(events, "Conflict").getStackTrace()).isNull();
        assertThat(only(events, "Ownership Lost").getStackTrace()).isNotNull();
        assertThat(events)
                .filteredOn(event -> List.of("Commit", "Group Write", "Lock Wait", "Transaction")
                        .contains(event.getEventType().getLabel()))
                .allMatch(event -> event.getDuration().toMillis() >= 10);
        Map<String, String> defaults = new TreeMap<>();
        for (EventType type : FlightRecorder.getFlightRecorder().getEventTypes()) {
            for (SettingDescriptor setting : type.getSettingDescriptors()) {
                defaults.put(type.getName() + "#" + setting.getName(), setting.getDefaultValue());
            }
        }
        assertThat(defaults)
                .containsEntry("dev.keystore.Load#enabled", "false")
                .containsEntry("dev.keystore.Commit#enabled", "true")
                .containsEntry("dev.keystore.Commit#threshold", "10 ms")
                .containsEntry("dev.keystore.Commit#stackTrace", "false")
                .containsEntry("dev.keystore.LockWait#threshold", "10 ms")
                .containsEntry("dev.keystore.GroupWrite#threshold", "10 ms")
                .containsEntry("dev.keystore.Transaction#threshold", "100 ms")
                .containsEntry("dev.keystore.Conflict#stackTrace", "false")
                .containsEntry("dev.keystore.OwnershipLost#stackTrace", "true");
    }

    private static RecordedEvent only(List<RecordedEvent> events, String label) {
        List<RecordedEvent> found = events.stream()
                .filter(event -> event.getEventType().getLabel().equals(label))
                .toList();
        assertThat(found).hasSize(1);
        return found.get(0);
    }

    /** Records two commits, a load, a conflict and a lost context. */
    private List<RecordedEvent> record(Consumer<Recording> settings) throws Exception {
        Path file = folder.resolve("keystore.jfr");
        try (Recording recording = new Recording();
                Fixture fixture = Fixture.of(Kind.COMPLETE, SignalKeyDatabase.Builder::withoutStandby)) {
            settings.accept(recording);
            recording.start();
            fixture.alice.put(KeyTypes.LID_MAPPING, "secret-id", "secret-value");
            assertThatThrownBy(() -> fixture.alice.useTransaction("secret-lock", tx -> {
                        tx.find(KeyTypes.LID_MAPPING, "secret-id");
                        tx.find(KeyTypes.LID_MAPPING, "secret-other");
                        tx.put(KeyTypes.LID_MAPPING, "secret-other", "secret-value");
                        Threads.run(() -> fixture.alice.put(KeyTypes.LID_MAPPING, "secret-id", "secret"))
                                .result();
                    }))
                    .isInstanceOf(TransactionConflictException.class);
            fixture.reopen().close();
            assertThatThrownBy(() -> fixture.put("secret-id", "secret")).isInstanceOf(OwnershipLostException.class);
            recording.stop();
            recording.dump(file);
        }
        return RecordingFile.readAllEvents(file).stream()
                .filter(event -> event.getEventType().getName().startsWith("dev.keystore."))
                .toList();
    }
}
