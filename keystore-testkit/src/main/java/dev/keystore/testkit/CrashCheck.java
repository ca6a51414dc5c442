package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.keystore.EntryId;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.PrefixScan;
import dev.keystore.testkit.CrashState.KeyChange;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Compares the entries of a backend after a crash with the acknowledged commits. */
final class CrashCheck {

    private final BackendUnderTest backend;
    private final CrashScript script;
    private final Map<CrashKey, Long> found = new HashMap<>();

    CrashCheck(BackendUnderTest backend, CrashScript script) {
        this.backend = backend;
        this.script = script;
    }

    /**
     * Returns the state of each thread's keys.
     *
     * @param acknowledged the state after the last commit that each thread acknowledged
     * @throws AssertionError if the state of a thread is neither that one nor the next; the message says why
     */
    List<CrashState> check(List<CrashState> acknowledged) {
        for (int i = 0; i < acknowledged.size(); i++) {
            int thread = i;
            script.keys(thread).forEach(key -> load(thread, key).ifPresent(number -> found.put(key, number)));
        }
        List<CrashState> states = new ArrayList<>();
        for (int thread = 0; thread < acknowledged.size(); thread++) {
            states.add(state(thread, acknowledged.get(thread)));
        }
        script.contexts().forEach(this::compareListing);
        return states;
    }

    private CrashState state(int thread, CrashState before) {
        CrashState after = before.next();
        List<String> written = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        for (CrashKey key : script.keys(thread)) {
            boolean isBefore = matches(found.get(key), before.of(key));
            boolean isAfter = matches(found.get(key), after.of(key));
            if (!isBefore && !isAfter) {
                fail(lost(thread, key, found.get(key), before));
            }
            if (isBefore != isAfter) {
                (isAfter ? written : missing).add(show(key, after.of(key)));
            }
        }
        if (!written.isEmpty() && !missing.isEmpty()) {
            fail("commit %d of thread %d is torn: %s is there, %s is not"
                    .formatted(after.number(), thread, written, missing));
        }
        return written.isEmpty() ? before : after;
    }

    /** Returns the number of the commit that wrote the current value of a key. */
    private Optional<Long> load(int thread, CrashKey key) {
        Optional<byte[]> bytes = entries().load(key.context(), key.type(), key.id());
        if (bytes.isEmpty()) {
            return Optional.empty();
        }
        CrashValue value = CrashValue.decode(bytes.get())
                .orElseThrow(() -> new AssertionError(key + " holds " + bytes.get().length
                        + " bytes that were never written: their checksum is wrong"));
        if (!value.key().equals(key)) {
            fail("%s holds the value of another key, written by commit %d of thread %d"
                    .formatted(key, value.number(), value.thread()));
        }
        assertThat(bytes.get())
                .as("%s, the value of commit %d of thread %d", key, value.number(), thread)
                .isEqualTo(script.value(key, thread, value.number()));
        return Optional.of(value.number());
    }

    private static boolean matches(@Nullable Long found, KeyChange expected) {
        return found == null ? !expected.isPresent() : expected.isPresent() && found == expected.number();
    }

    private static String lost(int thread, CrashKey key, @Nullable Long found, CrashState before) {
        KeyChange expected = before.of(key);
        if (found == null) {
            return "lost: commit %d of thread %d was acknowledged, but %s, which it saved, is absent"
                    .formatted(expected.number(), thread, key);
        }
        if (found > before.number()) {
            return "out of order: %s holds the value of commit %d of thread %d, but the last acknowledged commit is %d"
                    .formatted(key, found, thread, before.number());
        }
        return "lost: commit %d of thread %d was acknowledged, but %s, which it %s, holds the value of commit %d"
                .formatted(expected.number(), thread, key, expected.isPresent() ? "saved" : "deleted", found);
    }

    private void compareListing(String context) {
        Set<CrashKey> loaded = new HashSet<>(found.keySet());
        loaded.removeIf(key -> !key.context().equals(context));
        try (Stream<EntryId> entries = entries().list(context)) {
            assertThat(entries.map(entry -> new CrashKey(context, entry.type(), entry.id())))
                    .as("the listing of %s, compared with its loaded entries", context)
                    .containsExactlyInAnyOrderElementsOf(loaded);
        }
        if (backend.supports(PrefixScan.class)) {
            compareScans(context, loaded);
        }
    }

    private void compareScans(String context, Set<CrashKey> loaded) {
        List<CrashKey> scanned = new ArrayList<>();
        for (String type : script.types()) {
            try (Stream<String> ids = backend.require(PrefixScan.class).scan(context, type, "")) {
                ids.forEach(id -> scanned.add(new CrashKey(context, type, id)));
            }
        }
        assertThat(scanned)
                .as("the scans of %s, compared with its loaded entries", context)
                .containsExactlyInAnyOrderElementsOf(loaded);
    }

    private ContextAwareBackend entries() {
        return backend.entries();
    }

    private static String show(CrashKey key, KeyChange change) {
        return (change.isPresent() ? "the save of " : "the delete of ") + key;
    }
}
