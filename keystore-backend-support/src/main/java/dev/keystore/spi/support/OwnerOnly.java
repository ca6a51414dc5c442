package dev.keystore.spi.support;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * Creates files and folders that only their owner can access, from the moment they exist.
 *
 * <p>On a file system without POSIX permissions, they get the permissions that the system assigns by default.
 */
public final class OwnerOnly {

    private OwnerOnly() {}

    /**
     * Creates an empty file with the permissions {@code rw-------}.
     *
     * @param file the path of the file, where nothing exists
     * @return the file
     * @throws java.nio.file.FileAlreadyExistsException if something exists there
     * @throws IOException if it can't be created
     */
    public static Path createFile(Path file) throws IOException {
        return Files.createFile(file, fileAttributes(file));
    }

    /**
     * Creates an empty folder with the permissions {@code rwx------}.
     *
     * @param folder the path of the folder, where nothing exists; its parent exists
     * @return the folder
     * @throws java.nio.file.FileAlreadyExistsException if something exists there
     * @throws IOException if it can't be created
     */
    public static Path createFolder(Path folder) throws IOException {
        return Files.createDirectory(folder, attributes(folder, "rwx------"));
    }

    /**
     * Returns the attributes to create a file with, for methods such as {@link java.nio.channels.FileChannel#open(Path,
     * java.util.Set, FileAttribute...) FileChannel.open}.
     *
     * @param file where the file is created
     * @return the permissions {@code rw-------}, or nothing where the file system has no POSIX permissions
     */
    public static FileAttribute<?>[] fileAttributes(Path file) {
        return attributes(file, "rw-------");
    }

    private static FileAttribute<?>[] attributes(Path path, String permissions) {
        boolean posix = path.getFileSystem().supportedFileAttributeViews().contains("posix");
        return posix
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
                }
                : new FileAttribute<?>[0];
    }
}
