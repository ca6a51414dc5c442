package dev.keystore.bench.timeline;

import dev.keystore.bench.commit.CommittingThreads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jdk.jfr.EventType;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedMethod;
import jdk.jfr.consumer.RecordingFile;

/**
 * Traces {@link TracedMethod}s while threads commit. The JVM's flight recorder adds the time stamps to the methods at
 * run time (the event {@code jdk.MethodTrace}, JDK 25 and later), so Keystore has no code for it.
 */
final class GroupTrace {

    private static final String EVENT = "jdk.MethodTrace";

    private GroupTrace() {}

    /** Returns why this JVM can't trace methods; empty if it can. */
    static Optional<String> obstacle() {
        boolean hasEvent = FlightRecorder.isAvailable()
                && FlightRecorder.getFlightRecorder().getEventTypes().stream()
                        .map(EventType::getName)
                        .anyMatch(EVENT::equals);
        return hasEvent
                ? Optional.empty()
                : Optional.of("the JVM has no event " + EVENT + ": run Maven with JDK 25 or later");
    }

    /** Records the calls of some time. */
    static List<TracedCall> record(CommittingThreads threads, Duration time) throws IOException, InterruptedException {
        Path file = Files.createTempFile("groups", ".jfr");
        try (Recording recording = new Recording()) {
            recording
                    .enable(EVENT)
                    .with("filter", TracedMethod.filter())
                    .withoutStackTrace()
                    .withoutThreshold();
            recording.start();
            threads.run(time);
            recording.stop();
            recording.dump(file);
            return read(file);
        } finally {
            Files.delete(file);
        }
    }

    private static List<TracedCall> read(Path file) throws IOException {
        List<TracedCall> calls = new ArrayList<>();
        try (RecordingFile events = new RecordingFile(file)) {
            while (events.hasMoreEvents()) {
                RecordedEvent event = events.readEvent();
                if (event.getEventType().getName().equals(EVENT)) {
                    calls.add(call(event));
                }
            }
        }
        return calls;
    }

    private static TracedCall call(RecordedEvent event) {
        RecordedMethod method = event.getValue("method");
        return new TracedCall(
                TracedMethod.of(method.getType().getName(), method.getName()),
                event.getThread().getJavaThreadId(),
                nanos(event.getStartTime()),
                nanos(event.getEndTime()));
    }

    private static long nanos(Instant instant) {
        return ChronoUnit.NANOS.between(Instant.EPOCH, instant);
    }
}
