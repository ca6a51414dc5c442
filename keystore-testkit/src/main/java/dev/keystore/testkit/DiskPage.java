package dev.keystore.testkit;

/** The unit in which a simulated disk persists the data of files. */
final class DiskPage {

    static final int BYTES = 4096;
    static final byte[] ZEROS = new byte[BYTES];

    private DiskPage() {}
}
