package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.keystore.KeyUnavailableException;
import dev.keystore.spi.KeyProvider;
import dev.keystore.spi.support.Folders;
import dev.keystore.spi.support.OwnerOnly;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * A root key in a file that only its owner can access.
 *
 * <p>The file has one line: {@code keystore-root-key-1 }, then 32 random bytes in Base64. It is read when a store is
 * opened and when its root key is replaced. On a file system with POSIX permissions, a file is refused if its group or
 * others can access it, or if it belongs to another user than that of the process or root; elsewhere, protect it by
 * other means.
 */
public final class KeyFile implements KeyProvider {

    private static final SecureRandom RANDOM = new SecureRandom();
    private static final byte[] PREFIX = "keystore-root-key-1 ".getBytes(US_ASCII);
    private static final int MAXIMUM_FILE_BYTES = 1_024;
    private static final Set<PosixFilePermission> OWNER_ONLY = EnumSet.of(
            PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE, PosixFilePermission.OWNER_EXECUTE);

    private final Path file;

    private KeyFile(Path file) {
        this.file = file;
    }

    /**
     * Returns the key in a file. The file is not accessed yet.
     *
     * @param file the file
     * @return the key file
     */
    public static KeyFile at(Path file) {
        return new KeyFile(Objects.requireNonNull(file, "file"));
    }

    /**
     * Creates a file with a new random key, with the permissions {@code rw-------}, and forces it to the disk. Keep a
     * copy of it elsewhere: without it, nothing in the store can be decrypted.
     *
     * @param file does not exist; its folder does
     * @return the key file
     * @throws java.nio.file.FileAlreadyExistsException if the file exists; it is not changed
     * @throws IOException if the file could not be created, or not be forced to the disk; no file is left, unless it
     *     could not be deleted either
     */
    public static KeyFile create(Path file) throws IOException {
        byte[] key = new byte[AesKey.BYTES];
        RANDOM.nextBytes(key);
        byte[] encoded = Secrets.apply(key, Base64.getEncoder()::encode);
        ByteBuffer line = ByteBuffer.allocate(PREFIX.length + encoded.length + 1)
                .put(PREFIX)
                .put(encoded)
                .put((byte) '\n')
                .flip();
        Arrays.fill(encoded, (byte) 0);
        try (FileChannel channel = FileChannel.open(
                file,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                OwnerOnly.fileAttributes(file))) {
            writeOrDelete(file, channel, line);
        } finally {
            Arrays.fill(line.array(), (byte) 0);
        }
        return new KeyFile(file);
    }

    /** Writes a new file, and forces it and its folder to the disk. A file that may be incomplete is deleted. */
    private static void writeOrDelete(Path file, FileChannel channel, ByteBuffer line) throws IOException {
        try {
            while (line.hasRemaining()) {
                channel.write(line);
            }
            channel.force(true);
            Folders.force(Folders.parentOf(file.toAbsolutePath()));
        } catch (IOException | RuntimeException | Error e) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException left) {
                e.addSuppressed(left);
            }
            throw e;
        }
    }

    @Override
    public String name() {
        return "key-file";
    }

    @Override
    public byte[] wrap(byte[] key, byte[] associatedData) {
        try (RootKey root = read()) {
            return root.wrap(key, associatedData, RANDOM);
        }
    }

    @Override
    public byte[] unwrap(byte[] wrapped, byte[] associatedData) {
        try (RootKey root = read()) {
            return root.unwrap(wrapped, associatedData, "key file " + file);
        }
    }

    private RootKey read() {
        try {
            refuseIfAccessibleToOthers();
            return Secrets.apply(SecretFiles.read(file, MAXIMUM_FILE_BYTES), this::parse);
        } catch (NoSuchFileException e) {
            throw new KeyUnavailableException(
                    "Key file " + file
                            + " does not exist; put the key file of the store there, or create one with KeyFile.create"
                            + " if the store is new",
                    e);
        } catch (IOException e) {
            throw new KeyUnavailableException(
                    "Key file " + file + " could not be read: " + e + "; check its path and permissions", e);
        }
    }

    private void refuseIfAccessibleToOthers() throws IOException {
        if (!file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            return;
        }
        PosixFileAttributes attributes = Files.readAttributes(file, PosixFileAttributes.class);
        Set<PosixFilePermission> permissions = attributes.permissions();
        if (!OWNER_ONLY.containsAll(permissions)) {
            throw new KeyUnavailableException(
                    "Key file " + file + " is accessible to others than its owner ("
                            + PosixFilePermissions.toString(permissions)
                            + "); if nobody else has read it, allow only the owner (chmod 600), otherwise replace the"
                            + " key",
                    null);
        }
        String owner = attributes.owner().getName();
        if (!isTrusted(owner, ProcessHandle.current().info().user())) {
            throw new KeyUnavailableException(
                    "Key file " + file + " belongs to user " + owner + ", who can read it, and not to the user of this"
                            + " process; if that user has not read it, change its owner (chown), otherwise replace the"
                            + " key",
                    null);
        }
    }

    /**
     * Returns whether the owner of a file is the user of this process, or root, who can read any file. If the user has
     * no name, as in some containers, there is nothing to compare.
     */
    static boolean isTrusted(String owner, Optional<String> user) {
        return owner.equals("root") || user.isEmpty() || owner.equals(user.get());
    }

    private RootKey parse(byte[] content) {
        int end = content.length;
        while (end > 0 && content[end - 1] <= ' ') {
            end--;
        }
        if (end > PREFIX.length && Arrays.equals(content, 0, PREFIX.length, PREFIX, 0, PREFIX.length)) {
            byte[] encoded = Arrays.copyOfRange(content, PREFIX.length, end);
            try {
                byte[] key = Secrets.apply(encoded, Base64.getDecoder()::decode);
                if (key.length == AesKey.BYTES) {
                    return new RootKey(key);
                }
                Arrays.fill(key, (byte) 0);
            } catch (IllegalArgumentException e) {
                // Not Base64. The cause would contain a character of the key.
            }
        }
        throw new KeyUnavailableException(
                "Key file " + file + " does not contain \"keystore-root-key-1 \" and 32 bytes in Base64; put the"
                        + " key file of the store there",
                null);
    }

    /** Returns the path. */
    @Override
    public String toString() {
        return "KeyFile[" + file + "]";
    }
}
