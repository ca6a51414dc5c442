package dev.keystore.mapdb;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Reads a file that {@link EntryFileWriter} wrote, with one block in memory at a time. */
final class EntryFileReader implements EntrySource {

    /** Enough for the header of a block; its contents are read into a separate array. */
    private static final int BUFFER_BYTES = 1 << 12;

    private final Path path;
    private final long length;
    private final long number;
    private final DataInputStream in;
    private ByteBuffer block = ByteBuffer.allocate(0);
    private long offset = EntryFileWriter.HEADER_BYTES;
    private long entries;
    private boolean ended;

    /**
     * Opens a file.
     *
     * @param number the number that its header must hold
     * @throws DamagedFileException if the header is damaged
     */
    EntryFileReader(Path path, long number) throws IOException {
        this.path = path;
        this.number = number;
        length = path.toFile().length();
        in = new DataInputStream(new BufferedInputStream(new FileInputStream(path.toFile()), BUFFER_BYTES));
        try {
            if (length < EntryFileWriter.HEADER_BYTES
                    || in.readLong() != EntryFileWriter.MAGIC
                    || in.readLong() != number) {
                throw new DamagedFileException(
                        path, 0, "its header does not name record " + number + "; all its entries would be lost");
            }
        } catch (IOException | RuntimeException e) {
            in.close();
            throw e;
        }
    }

    /**
     * Returns the next entry, or {@code null} after the last one.
     *
     * @throws DamagedFileException if the next block is damaged
     */
    @Override
    public @Nullable FileEntry next() throws IOException {
        if (!block.hasRemaining() && !ended) {
            nextBlock();
        }
        if (ended) {
            return null;
        }
        entries++;
        boolean isPresent = block.get() == 1;
        byte[] key = bytes();
        return new FileEntry(key, isPresent ? bytes() : null);
    }

    private void nextBlock() throws IOException {
        try {
            int size = in.readInt();
            int checksum = in.readInt();
            long blockOffset = offset;
            offset += EntryFileWriter.BLOCK_HEADER_BYTES;
            if (size < 0 || size > length - offset) {
                throw damaged(blockOffset);
            }
            byte[] contents = new byte[size];
            in.readFully(contents);
            if (checksum != EntryFileWriter.checksum(number, blockOffset, contents)) {
                throw damaged(blockOffset);
            }
            offset += size;
            block = ByteBuffer.wrap(contents);
        } catch (EOFException e) {
            throw damaged(offset);
        }
        if (offset == length) {
            if (block.remaining() != Long.BYTES || block.getLong() != entries) {
                throw damaged(offset);
            }
            ended = true;
        }
    }

    private DamagedFileException damaged(long at) {
        return new DamagedFileException(
                path,
                at,
                "the entries from there to the end of the file, at " + length
                        + ", cannot be read and would be lost; the " + entries + " entries before them can be read");
    }

    private byte[] bytes() {
        byte[] bytes = new byte[block.getInt()];
        block.get(bytes);
        return bytes;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
