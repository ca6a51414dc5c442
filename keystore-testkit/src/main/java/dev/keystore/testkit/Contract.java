package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.Mutation.Delete;
import dev.keystore.spi.Mutation.Put;
import dev.keystore.spi.PersistenceBackend;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The common part of all groups of contract tests. */
abstract class Contract {

    static final String CONTEXT = PersistenceBackend.DEFAULT_CONTEXT;
    static final String TYPE = "session";

    private final BackendFixture fixture;

    Contract(BackendFixture fixture) {
        this.fixture = fixture;
    }

    final BackendUnderTest backend() {
        return fixture.backend();
    }

    final ContextAwareBackend entries() {
        return backend().entries();
    }

    final boolean isPersistent() {
        return fixture.isPersistent();
    }

    final void skipUnlessPersistent() {
        fixture.skipUnlessPersistent();
    }

    /** Closes and reopens the backend; if it is not persistent, the test is skipped. */
    final void reopen() throws Exception {
        fixture.reopen();
    }

    /** Opens the backend once more, while it is open. */
    final BackendUnderTest openAnother() throws Exception {
        return fixture.openAnother();
    }

    /** Returns the files that the backend has now. */
    final List<Path> files() throws Exception {
        return fixture.files();
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static Put put(String type, String id, String value) {
        return new Put(type, id, bytes(value));
    }

    static Put put(String id, String value) {
        return put(TYPE, id, value);
    }

    static Delete delete(String id) {
        return new Delete(TYPE, id);
    }

    final void assertHolds(String context, String type, String id, byte[] expected) {
        Optional<byte[]> found = entries().load(context, type, id);
        assertThat(found)
                .as("%s, %s, %s", UnusualNames.show(context), type, UnusualNames.show(id))
                .isPresent();
        assertThat(found.get())
                .as("%s, %s, %s", UnusualNames.show(context), type, UnusualNames.show(id))
                .isEqualTo(expected);
    }

    final void assertHolds(String id, String expected) {
        assertHolds(CONTEXT, TYPE, id, bytes(expected));
    }

    final void assertAbsent(String context, String type, String id) {
        assertThat(entries().load(context, type, id))
                .as("%s, %s, %s", UnusualNames.show(context), type, UnusualNames.show(id))
                .isEmpty();
    }

    final void assertAbsent(String id) {
        assertAbsent(CONTEXT, TYPE, id);
    }

    final void assertLists(String context, EntryId... expected) {
        try (Stream<EntryId> listed = entries().list(context)) {
            assertThat(listed.toList()).as("listed").containsExactlyInAnyOrder(expected);
        }
    }
}
