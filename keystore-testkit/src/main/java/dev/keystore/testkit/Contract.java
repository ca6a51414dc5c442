package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.Mutation.Delete;
import dev.keystore.spi.Mutation.Put;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.stream.Stream;

/** What the groups of contract tests have in common. */
abstract class Contract {

    static final String CONTEXT = DefaultContext.NAME;
    static final String TYPE = "session";

    private final BackendContractTest test;

    Contract(BackendContractTest test) {
        this.test = test;
    }

    final BackendUnderTest backend() {
        return test.backend();
    }

    final ContextAwareBackend entries() {
        return backend().entries();
    }

    final void skipUnlessPersistent() {
        test.skipUnlessPersistent();
    }

    /** Closes the backend and opens it again; if it is not persistent, the test is skipped. */
    final void reopen() throws Exception {
        test.reopen();
    }

    final BackendUnderTest openBeside() throws Exception {
        return test.openBeside();
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
        assertThat(found).as("%s, %s, %s", Names.show(context), type, Names.show(id)).isPresent();
        assertThat(found.get())
                .as("%s, %s, %s", Names.show(context), type, Names.show(id))
                .isEqualTo(expected);
    }

    final void assertHolds(String id, String expected) {
        assertHolds(CONTEXT, TYPE, id, bytes(expected));
    }

    final void assertAbsent(String context, String type, String id) {
        assertThat(entries().load(context, type, id))
                .as("%s, %s, %s", Names.show(context), type, Names.show(id))
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
