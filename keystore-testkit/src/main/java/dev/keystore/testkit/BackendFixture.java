package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/** The backend of one test, which can be reopened or opened several times. */
final class BackendFixture {

    private final Callable<Backend> opener;
    private final BooleanSupplier persistent;
    private final Callable<List<Path>> files;
    private final List<BackendUnderTest> opened = new ArrayList<>();
    private @Nullable BackendUnderTest backend;

    /**
     * Creates a fixture.
     *
     * @param opener opens the backend, each time with the same contents
     * @param persistent whether the backend is persistent
     * @param files lists the files of the backend
     */
    BackendFixture(Callable<Backend> opener, BooleanSupplier persistent, Callable<List<Path>> files) {
        this.opener = opener;
        this.persistent = persistent;
        this.files = files;
    }

    void open() throws Exception {
        backend = openAnother();
    }

    /** Opens the backend once more, while it is open. */
    BackendUnderTest openAnother() throws Exception {
        BackendUnderTest next = new BackendUnderTest(opener.call());
        opened.add(next);
        return next;
    }

    BackendUnderTest backend() {
        return Objects.requireNonNull(backend, "backend");
    }

    boolean isPersistent() {
        return persistent.getAsBoolean();
    }

    void skipUnlessPersistent() {
        Assumptions.assumeTrue(isPersistent(), "the backend is not persistent");
    }

    /** Returns the files that the backend has now. */
    List<Path> files() throws Exception {
        return files.call();
    }

    /** Closes and reopens the backend; if it is not persistent, the test is skipped. */
    void reopen() throws Exception {
        skipUnlessPersistent();
        backend().close();
        open();
    }

    void closeAll() {
        opened.forEach(BackendUnderTest::close);
    }
}
