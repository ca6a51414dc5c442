package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.spi.support.Folders;
import dev.keystore.spi.support.OwnerOnly;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/** Writes files that appear under their final name whole or not at all, readable by their owner only. */
final class NewFolder {

    private static final int MAXIMUM_NAME_BYTES = 255;

    private NewFolder() {}

    static String checkName(String name) throws DamagedException {
        if (name.isEmpty()
                || name.equals(".")
                || name.equals("..")
                || name.indexOf('/') >= 0
                || name.indexOf('\\') >= 0
                || name.indexOf('\0') >= 0) {
            throw new DamagedException("no file can have the name that it would need");
        }
        if (name.getBytes(UTF_8).length > MAXIMUM_NAME_BYTES) {
            throw new DamagedException("the name of its file would be longer than " + MAXIMUM_NAME_BYTES + " bytes");
        }
        return name;
    }

    /** Refuses a target that exists, unless it is an empty folder. */
    static void checkAbsent(Path target) {
        if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(target)) {
            if (!entries.iterator().hasNext()) {
                return;
            }
        } catch (IOException e) {
            throw failed(target, e);
        }
        throw exists(target);
    }

    static ForeignStoreException exists(Path target) {
        return new ForeignStoreException(
                target + ": could not export to it: it exists; name one that does not exist", null);
    }

    /** Writes a folder of these files. */
    static void write(Path folder, Map<String, byte[]> documents) {
        checkAbsent(folder);
        Path part = part(folder);
        try {
            OwnerOnly.createFolder(part);
            for (Map.Entry<String, byte[]> document : documents.entrySet()) {
                writeFile(part.resolve(document.getKey()), out -> out.write(document.getValue()));
            }
            Folders.force(part);
            Files.deleteIfExists(folder);
            Files.move(part, folder, StandardCopyOption.ATOMIC_MOVE);
            Folders.force(Folders.parentOf(folder.toAbsolutePath()));
        } catch (IOException e) {
            throw failed(folder, e);
        }
    }

    /** Writes a single file, which must not exist. */
    static void writeWhole(Path file, ByteArrayOutputStream bytes) {
        Path part = part(file);
        try {
            writeFile(part, bytes::writeTo);
            Files.move(part, file);
            Folders.force(Folders.parentOf(file.toAbsolutePath()));
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    /** Returns where a file or folder is written before it gets its name. */
    static Path part(Path target) {
        return target.resolveSibling(target.getFileName() + ".part-" + Long.toHexString(System.nanoTime()));
    }

    /** What a file is to hold. */
    @FunctionalInterface
    private interface Bytes {
        void writeTo(OutputStream out) throws IOException;
    }

    private static void writeFile(Path file, Bytes bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(OwnerOnly.createFile(file), StandardOpenOption.WRITE)) {
            bytes.writeTo(Channels.newOutputStream(channel));
            channel.force(true);
        }
    }

    static ForeignStoreException failed(Path target, IOException e) {
        return new ForeignStoreException(
                target + ": could not export to it: " + e.getClass().getSimpleName() + " " + e.getMessage()
                        + "; check the path, and delete what begins with its name and \".part-\"",
                e);
    }
}
