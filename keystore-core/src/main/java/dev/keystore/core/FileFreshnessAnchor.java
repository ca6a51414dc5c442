package dev.keystore.core;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.FreshnessAnchor;
import dev.keystore.spi.support.Folders;
import dev.keystore.spi.support.OwnerOnly;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A freshness anchor in a file, which must be on another volume than the store (R82).
 *
 * <p>Its folder must exist: an anchor on a volume that is not mounted must not look like a new one. The file is created
 * by the first write, and only its owner can access it. Next to it are a lock file, and a temporary file during a
 * write. Each write replaces the whole file atomically and forces it and its folder; with 10,000 contexts it is 3.7 MB.
 * Several stores and processes may share it, for which the file system must support locks.
 *
 * <p>Any number of threads may use it. A write waits for others for at most 10 s.
 */
public final class FileFreshnessAnchor implements FreshnessAnchor {

    private static final Map<Path, ReentrantLock> LOCKS = new ConcurrentHashMap<>();
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private final Path file;
    private final Duration timeout;
    private final ReentrantLock lock;
    private volatile @Nullable FileContents last;
    private volatile boolean closed;

    /** Used directly by tests only: creates an anchor whose writes wait for others for at most {@code timeout}. */
    FileFreshnessAnchor(Path file, Duration timeout) {
        this.file = file;
        this.timeout = timeout;
        // File locks are held by the whole process, so its threads need another one.
        this.lock = LOCKS.computeIfAbsent(file, path -> new ReentrantLock());
    }

    /**
     * Returns the anchor in a file. Nothing is read or created yet. Symbolic links are followed now, and not again: if
     * the path is one, the anchor is the file that it leads to.
     *
     * @param file the path of the file, whose folder exists
     * @return the anchor
     */
    public static FileFreshnessAnchor at(Path file) {
        return new FileFreshnessAnchor(RealPath.of(Objects.requireNonNull(file, "file")), TIMEOUT);
    }

    /** The records, and which file they were read from. */
    private record FileContents(@Nullable Object key, FileTime modified, long size, Map<String, byte[]> records) {

        boolean isOf(BasicFileAttributes found) {
            return Objects.equals(key, found.fileKey())
                    && modified.equals(found.lastModifiedTime())
                    && size == found.size();
        }
    }

    @Override
    public Map<String, byte[]> load(Collection<String> keys) {
        Map<String, byte[]> records = access("read", this::current);
        Map<String, byte[]> found = new HashMap<>();
        for (String key : keys) {
            byte[] record = records.get(key);
            if (record != null) {
                found.put(key, record);
            }
        }
        return found;
    }

    @Override
    public Set<String> replace(List<Replacement> replacements) {
        return access("write", () -> {
            long deadlineNanos = System.nanoTime() + timeout.toNanos();
            lockInProcess(deadlineNanos);
            try (FileChannel channel = openOrCreate(sibling(".lock"));
                    FileLock held = lock(channel, deadlineNanos)) {
                if (!held.isValid()) {
                    throw new IOException("its lock is not valid any more");
                }
                return replaceLocked(replacements);
            } finally {
                lock.unlock();
            }
        });
    }

    private Set<String> replaceLocked(List<Replacement> replacements) throws IOException {
        last = null; // another process may have written a file that looks the same, within one tick of its time
        Map<String, byte[]> records = new HashMap<>(current());
        Set<String> refused = new HashSet<>();
        for (Replacement replacement : replacements) {
            if (Arrays.equals(records.get(replacement.key()), replacement.expected())) {
                records.put(replacement.key(), replacement.next());
            } else {
                refused.add(replacement.key());
            }
        }
        if (refused.size() < replacements.size()) {
            write(records);
        }
        return refused;
    }

    private void lockInProcess(long deadlineNanos) throws IOException {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    if (lock.tryLock(deadlineNanos - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                        return;
                    }
                    throw new IOException("another thread has been writing it for " + timeout.toMillis() + " ms");
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private FileLock lock(FileChannel channel, long deadlineNanos) throws IOException {
        while (true) {
            FileLock held = tryLock(channel);
            if (held != null) {
                return held;
            }
            if (deadlineNanos - System.nanoTime() <= 0) {
                throw new IOException(
                        "another process, or another application in this process, has been writing it for "
                                + timeout.toMillis() + " ms");
            }
            LockSupport.parkNanos(channel, PAUSE_NANOS);
        }
    }

    private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null; // another class loader's copy of this class, which has other in-process locks, holds it
        }
    }

    /** Returns the records of the file as it is now. */
    private Map<String, byte[]> current() throws IOException {
        if (closed) {
            throw new IllegalStateException(file + ": the freshness anchor is closed");
        }
        BasicFileAttributes found = attributes();
        if (found == null) {
            return Map.of();
        }
        FileContents known = last;
        if (known == null || !known.isOf(found)) {
            known = new FileContents(
                    found.fileKey(),
                    found.lastModifiedTime(),
                    found.size(),
                    AnchorFile.decode(Files.readAllBytes(file)));
            last = known;
        }
        return known.records;
    }

    private @Nullable BasicFileAttributes attributes() throws IOException {
        try {
            return Files.readAttributes(file, BasicFileAttributes.class);
        } catch (NoSuchFileException e) {
            if (Files.isDirectory(folder())) {
                return null;
            }
            throw new IOException("its folder does not exist; mount its volume, or create the folder", e);
        }
    }

    private void write(Map<String, byte[]> records) throws IOException {
        Path temporary = sibling(".new");
        Files.deleteIfExists(temporary);
        try (FileChannel channel = openOrCreate(temporary)) {
            ByteBuffer bytes = ByteBuffer.wrap(AnchorFile.encode(records));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        Folders.force(folder());
    }

    private static FileChannel openOrCreate(Path path) throws IOException {
        return FileChannel.open(
                path, Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE), OwnerOnly.fileAttributes(path));
    }

    private Path folder() {
        return Folders.parentOf(file);
    }

    private Path sibling(String suffix) {
        return file.resolveSibling(file.getFileName() + suffix);
    }

    private interface Access<T> {
        T run() throws IOException;
    }

    private <T> T access(String operation, Access<T> access) {
        try {
            return access.run();
        } catch (IOException | SecurityException e) {
            throw BackendException.permanent(file + ": could not " + operation + " the freshness anchor: " + e, e);
        }
    }

    @Override
    public void close() {
        closed = true;
    }

    /** Returns the path of the file. */
    @Override
    public String toString() {
        return "FileFreshnessAnchor[" + file + "]";
    }
}
