package dev.keystore.testkit;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.keystore.EntryId;
import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.NameHiding;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.StoreSealing;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Searches files for what a store with encryption on must not show (R70): values, and names if they are hidden. It
 * remembers what passes through an encryption before it is encrypted.
 *
 * <pre>{@code
 * PlaintextSearch search = new PlaintextSearch();
 * Backend backend = EncryptedBackend.of(new FileBackend(folder), search.masked(encryption));
 * backend.save("session", "bob.1", value);
 * assertThat(search.in(PlaintextSearch.filesBelow(folder))).isEmpty();
 * }</pre>
 *
 * <p>It looks for parts of 16 bytes that begin at regular distances in a value, in the bytes of a file and in its
 * hexadecimal digits, since logs of servers show them. So it finds any 32 bytes of a value of up to a kilobyte, and of
 * longer ones any part of more than a 60th. Values of less than 16 bytes are not found unless they are masked.
 *
 * <p>What it remembers is not in its memory as it is, so that it does not find itself in a heap dump. Thread-safe.
 */
public final class PlaintextSearch {

    private static final int WINDOW_BYTES = 16;
    private static final int MAXIMUM_WINDOWS = 64;

    /** Fewer different bytes may be in a file by chance. */
    private static final int LEAST_DIFFERENT_BYTES = 8;

    private static final long SCRAMBLER = 0x9E37_79B9_7F4A_7C15L;
    private static final int FILTER_BITS = 22;
    private static final int CHUNK_BYTES = 1 << 16;
    private static final byte[] ZEROS = new byte[CHUNK_BYTES];

    /** The value of each byte as a hexadecimal digit, or -1. */
    private static final byte[] DIGITS = digits();

    /** The first half of a part, scrambled like the second one, and the number of the value. */
    private record Part(long first, int value) {}

    /** By the second half, scrambled. */
    @GuardedBy("this")
    private final Map<Long, Part> parts = new HashMap<>();

    /** The beginnings of those second halves. */
    @GuardedBy("this")
    private final BitSet filter = new BitSet(1 << FILTER_BITS);

    /** Marks each component of a name. Only characters that a type may have. */
    private final String marker =
            "k" + Long.toString(ThreadLocalRandom.current().nextLong() >>> 1, 36) + "-plaintext-";

    @GuardedBy("this")
    private int values;

    /** Creates a search that finds nothing yet. */
    public PlaintextSearch() {}

    /**
     * Lists the files in a folder and below it, while others may create and delete files there: those that are deleted
     * meanwhile are left out.
     *
     * @param folder the folder
     * @return the files, without folders and links
     * @throws IOException if the folder does not exist, or cannot be read
     */
    public static List<Path> filesBelow(Path folder) throws IOException {
        List<Path> files = new ArrayList<>();
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (attributes.isRegularFile()) {
                    files.add(file);
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
                if (failure instanceof NoSuchFileException && !file.equals(folder)) {
                    return FileVisitResult.CONTINUE;
                }
                throw failure;
            }
        });
        return files;
    }

    /**
     * Remembers a value.
     *
     * @param value the value; not changed
     */
    public synchronized void add(byte[] value) {
        values++;
        int last = value.length - WINDOW_BYTES;
        int step = Math.max(WINDOW_BYTES, last / (MAXIMUM_WINDOWS - 1));
        for (int start = 0; start < last; start += step) {
            add(value, start);
        }
        if (last >= 0) {
            add(value, last);
        }
    }

    private synchronized void add(byte[] value, int start) {
        ByteBuffer part = ByteBuffer.wrap(value, start, WINDOW_BYTES);
        BitSet different = new BitSet();
        for (int i = 0; i < WINDOW_BYTES; i++) {
            different.set(value[start + i] & 0xFF);
        }
        if (different.cardinality() >= LEAST_DIFFERENT_BYTES) {
            long first = part.getLong() * SCRAMBLER;
            long second = part.getLong() * SCRAMBLER;
            parts.put(second, new Part(first, values));
            filter.set(filterBit(second));
        }
    }

    private static byte[] digits() {
        byte[] digits = new byte[256];
        for (int i = 0; i < digits.length; i++) {
            digits[i] = (byte) Character.digit(i, 16);
        }
        return digits;
    }

    private static int filterBit(long scrambled) {
        return (int) (scrambled >>> (Long.SIZE - FILTER_BITS));
    }

    /**
     * Returns how many values are remembered.
     *
     * @return the number of calls of {@link #add}, and of values that were encrypted
     */
    public synchronized int size() {
        return values;
    }

    /**
     * Searches files. Those that are deleted meanwhile are left out.
     *
     * @param files the files
     * @return the files in which parts of values were found, and of how many values
     * @throws IOException if a file cannot be read
     */
    public synchronized Map<Path, Integer> in(Collection<Path> files) throws IOException {
        Map<Path, Integer> found = new TreeMap<>();
        for (Path file : files) {
            try (InputStream bytes = Files.newInputStream(file)) {
                int count = valuesIn(bytes);
                if (count > 0) {
                    found.put(file, count);
                }
            } catch (NoSuchFileException e) {
                // A journal that was merged, or a temporary file.
            }
        }
        return found;
    }

    @GuardedBy("this")
    private int valuesIn(InputStream bytes) throws IOException {
        BitSet found = new BitSet();
        Window raw = new Window();
        Window digits = new Window();
        byte[] chunk = new byte[CHUNK_BYTES];
        int length = bytes.read(chunk);
        while (length >= 0) {
            for (int i = 0; i < length; i++) {
                if (raw.first == 0 && raw.second == 0) { // most of a file may be empty
                    int zeros = Arrays.mismatch(chunk, i, length, ZEROS, i, length);
                    i = zeros < 0 ? length : i + zeros;
                    if (i == length) {
                        break;
                    }
                }
                int value = chunk[i] & 0xFF;
                raw.append(value, Byte.SIZE);
                find(raw, found);
                if (DIGITS[value] >= 0) {
                    digits.append(DIGITS[value], Byte.SIZE / 2);
                    find(digits, found);
                }
            }
            length = bytes.read(chunk);
        }
        return found.cardinality();
    }

    @GuardedBy("this")
    private void find(Window window, BitSet found) {
        long second = window.second * SCRAMBLER;
        if (filter.get(filterBit(second))) {
            Part part = parts.get(second);
            if (part != null && part.first == window.first * SCRAMBLER) {
                found.set(part.value);
            }
        }
    }

    /** The last bytes that were read. */
    private static final class Window {

        private long first;
        private long second;

        void append(int value, int bits) {
            first = first << bits | second >>> (Long.SIZE - bits);
            second = second << bits | value;
        }
    }

    /**
     * Returns an encryption that remembers each value before it is encrypted. For values that nothing else contains,
     * such as keys.
     *
     * @param sealing the encryption
     * @return the same encryption, observed
     */
    public Sealing observed(Sealing sealing) {
        return watched(sealing, false);
    }

    /**
     * Returns an encryption that makes values and names unique before it encrypts or hides them, and reverses that
     * afterwards: those of tests are often short, repetitive, or parts of each other. Values are combined with random
     * bytes, of which they also get 16 in front; each component of a name gets a prefix.
     *
     * @param sealing the encryption
     * @return the same encryption of other values and names, observed
     */
    public Sealing masked(Sealing sealing) {
        add(marker.getBytes(StandardCharsets.UTF_8), 0);
        return watched(sealing, true);
    }

    private Sealing watched(Sealing sealing, boolean masks) {
        return new Sealing() {

            @Override
            public StoreSealing open(byte @Nullable [] mark) {
                return watched(StoreSealing.class, sealing.open(mark), masks);
            }

            @Override
            public StoreSealing rotate(byte[] mark) {
                return watched(StoreSealing.class, sealing.rotate(mark), masks);
            }
        };
    }

    private <T> T watched(Class<T> type, T opened, boolean masks) {
        return type.cast(Proxy.newProxyInstance(
                PlaintextSearch.class.getClassLoader(), new Class<?>[] {type}, new Watched(opened, masks)));
    }

    /** Passes the calls of opened keys on. */
    private final class Watched implements InvocationHandler {

        private final Object opened;
        private final boolean masks;

        Watched(Object opened, boolean masks) {
            this.opened = opened;
            this.masks = masks;
        }

        @Override
        @SuppressWarnings("ReferenceEquality") // what equals of a proxy means
        public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] arguments) throws Throwable {
            Object[] passed = arguments == null ? new Object[0] : arguments.clone();
            switch (method.getName()) {
                case "equals" -> {
                    return proxy == passed[0];
                }
                case "hashCode" -> {
                    return System.identityHashCode(proxy);
                }
                case "seal" -> {
                    byte[] value = masks ? mask((byte[]) passed[2]) : (byte[]) passed[2];
                    add(value);
                    passed[2] = value;
                }
                case "sealKeys" -> passed[1] = ((Watched) Proxy.getInvocationHandler(passed[1])).opened;
                default -> {
                    // is passed on as it is
                }
            }
            if (masks && !method.getName().equals("contextOf")) {
                for (int i = 0; i < passed.length; i++) {
                    passed[i] = passed[i] instanceof String name ? marked(name) : passed[i];
                }
            }
            return returned(method, call(method, passed));
        }

        private @Nullable Object call(Method method, Object[] passed) throws Throwable {
            try {
                return method.invoke(opened, passed);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        }

        private @Nullable Object returned(Method method, @Nullable Object result) {
            if (result instanceof Optional<?> optional) {
                return optional.map(present -> returned(method, present));
            }
            if (result instanceof StoreSealing store) {
                return watched(StoreSealing.class, store, masks);
            }
            if (result instanceof ContextSealing context) {
                return watched(ContextSealing.class, context, masks);
            }
            if (result instanceof NameHiding names) {
                return watched(NameHiding.class, names, masks);
            }
            return masks ? unmasked(method, result) : result;
        }

        private @Nullable Object unmasked(Method method, @Nullable Object result) {
            if (result instanceof EntryId entry) {
                return new EntryId(unmarked(entry.type()), unmarked(entry.id()));
            }
            return switch (method.getName()) {
                case "open" -> unmask((byte[]) Objects.requireNonNull(result));
                case "contextOf" -> unmarked((String) Objects.requireNonNull(result));
                default -> result;
            };
        }
    }

    /** Returns 16 random bytes, then the value combined with bytes that follow from the first eight. */
    private static byte[] mask(byte[] value) {
        long seed = ThreadLocalRandom.current().nextLong();
        byte[] masked = ByteBuffer.allocate(WINDOW_BYTES + value.length)
                .putLong(seed)
                .putLong(ThreadLocalRandom.current().nextLong())
                .put(value)
                .array();
        combine(masked, seed);
        return masked;
    }

    private static byte[] unmask(byte[] masked) {
        byte[] opened = masked.clone();
        combine(opened, ByteBuffer.wrap(masked).getLong());
        return Arrays.copyOfRange(opened, WINDOW_BYTES, opened.length);
    }

    private static void combine(byte[] masked, long seed) {
        byte[] random = new byte[masked.length];
        new SplittableRandom(seed).nextBytes(random);
        for (int i = WINDOW_BYTES; i < masked.length; i++) {
            masked[i] ^= random[i];
        }
    }

    private String marked(String name) {
        return marker + name.replace(".", "." + marker);
    }

    private String unmarked(String name) {
        return name.replace(marker, "");
    }
}
