package dev.keystore.mapdb;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;

/**
 * The file that a clean close leaves: it names the working file that has the entries as of the last record.
 *
 * <p>The checksum covers the whole working file, which is read once on opening and once on closing. It detects damage
 * done to the file while the store was closed, which MapDB itself might take for absent entries.
 *
 * @param last the number of the last record
 */
record CleanShutdownMarker(long last, String working, long bytes, int checksum) {

    private static final String FILE = "closed";
    private static final Pattern TEXT =
            Pattern.compile("(last (\\d+) working (\\S+) bytes (\\d+) checksum (-?\\d+)) (-?\\d+)\n");

    /** Returns the marker of a folder; empty if the store was not closed cleanly, or the marker is damaged. */
    private static Optional<CleanShutdownMarker> read(MapdbFolder folder) throws IOException {
        try {
            Matcher text = TEXT.matcher(Files.readString(folder.file(FILE), StandardCharsets.ISO_8859_1));
            if (!text.matches() || !text.group(6).equals(String.valueOf(checksum(text.group(1))))) {
                return Optional.empty();
            }
            return Optional.of(new CleanShutdownMarker(
                    Long.parseLong(text.group(2)),
                    text.group(3),
                    Long.parseLong(text.group(4)),
                    Integer.parseInt(text.group(5))));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /**
     * Returns the marker of a folder if it describes the newest files; empty if not, or if {@link #read} returns empty.
     */
    static Optional<CleanShutdownMarker> readNewest(MapdbFolder folder) throws IOException {
        Optional<CleanShutdownMarker> marker = read(folder);
        return marker.isPresent() && marker.get().isNewest(folder) ? marker : Optional.empty();
    }

    /** Marks a folder as cleanly closed after a record, once all records are durable and the working file is closed. */
    static void write(MapdbFolder folder, long last, Path working) throws IOException {
        String text = "last " + last + " working " + working.getFileName() + " bytes " + Files.size(working)
                + " checksum " + checksum(working);
        folder.write(FILE, text + " " + checksum(text) + "\n");
    }

    /** Removes the marker of a folder, durably. */
    static void delete(MapdbFolder folder) throws IOException {
        folder.deleteDurably(folder.file(FILE));
    }

    /** Returns whether no journal and no checkpoint was created after the marker. */
    private boolean isNewest(MapdbFolder folder) throws IOException {
        return isLast(folder.numbered(MapdbFolder.JOURNAL)) && isLast(folder.numbered(MapdbFolder.CHECKPOINT));
    }

    private boolean isLast(NavigableMap<Long, Path> files) {
        return files.tailMap(last, false).isEmpty();
    }

    /** Returns whether the working file is unchanged since the store was closed. */
    boolean fits(MapdbFolder folder) throws IOException {
        Path file = folder.file(working);
        return Files.exists(file) && Files.size(file) == bytes && checksum(file) == checksum;
    }

    private static int checksum(String text) {
        return JournalRecord.checksum(ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1)));
    }

    private static int checksum(Path file) throws IOException {
        CRC32C checksum = new CRC32C();
        byte[] buffer = new byte[1 << 18];
        try (InputStream in = Files.newInputStream(file)) {
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                checksum.update(buffer, 0, read);
            }
        }
        return (int) checksum.getValue();
    }
}
