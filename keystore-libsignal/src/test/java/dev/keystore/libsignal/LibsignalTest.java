package dev.keystore.libsignal;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** What the tests of this module have in common: Alice and Bob, in a file of their own for each test. */
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
