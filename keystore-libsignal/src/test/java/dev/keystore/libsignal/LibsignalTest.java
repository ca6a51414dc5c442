package dev.keystore.libsignal;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** The base class of this module's tests: Alice and Bob, in a separate file for each test. */
abstract class LibsignalTest {

    TwoParties parties;

    @BeforeEach
    void openParties(@TempDir Path folder) {
        parties = new TwoParties(folder);
    }

    @AfterEach
    void closeParties() {
        parties.close();
    }
}
