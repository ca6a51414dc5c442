package dev.keystore.torture.child;

import com.sun.management.HotSpotDiagnosticMXBean;
import dev.keystore.KeyType;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Optional;

/** A process that writes and reads values in an encrypted store, and dumps its heap before and after it closes it. */
public final class HeapDumpChild {

    /** The number of values. */
    public static final int VALUES = 200;

    private static final KeyType<byte[]> TYPE = KeyType.ofBytes("secret");

    private HeapDumpChild() {}

    /** Returns value {@code i}, 64 bytes that nothing but a program that knows the seed can tell. */
    public static byte[] value(String seed, int i) {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-512");
            return sha.digest((seed + i).getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    /** Runs with the URL of the store, the property {@code encryption.key}, a seed, and the files of the two dumps. */
    public static void main(String[] args) throws IOException {
        SignalKeyDatabase database = SignalKeyDatabase.builder()
                .url(args[0])
                .property("encryption.key", args[1])
                .open();
        use(database.forContext("alice"), args[2]);
        dump(args[3]);
        database.close();
        dump(args[4]);
        if (database.stats().commits() < VALUES) {
            throw new AssertionError("the database must be reachable until here");
        }
    }

    private static void use(SignalKeyStore store, String seed) {
        for (int i = 0; i < VALUES; i++) {
            byte[] value = value(seed, i);
            store.put(TYPE, "" + i, value);
            Arrays.fill(value, (byte) 0);
        }
        for (int i = 0; i < VALUES; i++) {
            Optional<byte[]> found = store.find(TYPE, "" + i);
            byte[] expected = value(seed, i);
            if (!Arrays.equals(found.orElseThrow(), expected)) {
                throw new AssertionError("value " + i);
            }
            Arrays.fill(found.orElseThrow(), (byte) 0);
            Arrays.fill(expected, (byte) 0);
        }
    }

    /** Dumps the objects that are reachable. */
    private static void dump(String file) throws IOException {
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class).dumpHeap(file, true);
    }
}
