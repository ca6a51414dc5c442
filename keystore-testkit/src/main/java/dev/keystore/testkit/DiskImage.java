package dev.keystore.testkit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The files and folders on a disk.
 *
 * @param nodes the files, and the folders, which have no content, by path with {@code /} between names; a folder comes
 *     before its contents
 */
record DiskImage(SortedMap<String, Optional<Content>> nodes) {

    /**
     * The bytes of a file.
     *
     * @param size the size in bytes
     * @param pages the pages by number; a missing page is all zeros
     * @param isMapped whether the file was changed through a mapping, so that its bytes are unknown
     */
    record Content(long size, SortedMap<Long, byte[]> pages, boolean isMapped) {

        byte[] bytes() {
            ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(size));
            pages.forEach((number, page) -> {
                long offset = number * DiskPage.BYTES;
                bytes.put(Math.toIntExact(offset), page, 0, (int) Math.min(page.length, size - offset));
            });
            return bytes.array();
        }
    }

    /** Writes all files and folders to an empty folder. */
    void writeTo(Path folder) throws IOException {
        for (Map.Entry<String, Optional<Content>> node : nodes.entrySet()) {
            Path path = folder.resolve(node.getKey());
            if (node.getValue().isPresent()) {
                write(path, node.getValue().get());
            } else {
                Files.createDirectory(path);
            }
        }
    }

    private static void write(Path file, Content content) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (Map.Entry<Long, byte[]> page : content.pages().entrySet()) {
                long offset = page.getKey() * DiskPage.BYTES;
                int length = (int) Math.min(page.getValue().length, content.size() - offset);
                ByteBuffer bytes = ByteBuffer.wrap(page.getValue(), 0, length);
                while (bytes.hasRemaining()) {
                    channel.write(bytes, offset + bytes.position());
                }
            }
            if (content.size() > channel.size()) {
                channel.write(ByteBuffer.wrap(new byte[1]), content.size() - 1);
            }
        }
    }

    /**
     * Returns the first difference from a folder; empty if there is none. The bytes of mapped files are not compared.
     */
    Optional<String> differenceTo(Path folder) throws IOException {
        SortedMap<String, Path> real = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(folder)) {
            paths.filter(path -> !path.equals(folder))
                    .forEach(path -> real.put(folder.relativize(path).toString(), path));
        }
        if (!real.keySet().equals(nodes.keySet())) {
            return Optional.of("the folder contains " + real.keySet() + ", the record " + nodes.keySet());
        }
        for (Map.Entry<String, Optional<Content>> node : nodes.entrySet()) {
            Path path = folder.resolve(node.getKey());
            if (node.getValue().isEmpty() != Files.isDirectory(path)) {
                return Optional.of(
                        node.getKey() + " is a file in the folder and a folder in the record, or vice versa");
            }
            if (node.getValue().isPresent() && !node.getValue().get().isMapped()) {
                long mismatch = Arrays.mismatch(node.getValue().get().bytes(), Files.readAllBytes(path));
                if (mismatch >= 0) {
                    return Optional.of(node.getKey() + " differs from the record at byte " + mismatch);
                }
            }
        }
        return Optional.empty();
    }

    /** Returns a digest of the image. */
    String fingerprint() {
        MessageDigest digest = sha256();
        nodes.forEach((path, content) -> {
            digest.update((path + '\0').getBytes(StandardCharsets.UTF_8));
            content.ifPresent(file -> {
                digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, file.size()));
                file.pages().forEach((number, page) -> {
                    if (!Arrays.equals(page, DiskPage.ZEROS)) {
                        digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, number));
                        digest.update(page);
                    }
                });
            });
        });
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has it", e);
        }
    }
}
