package dev.keystore.mapdb;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Writes entries, which are added in ascending order of their keys, to a file of blocks that each have a checksum: a
 * checkpoint, or the net changes of a journal that is being merged into one.
 *
 * <pre>
 * magic       8 bytes
 * number      8    a checkpoint: of the last record in it; a journal's changes: of the first record
 * blocks           each: length of its contents (4), CRC32C of the number, its offset and the contents (4), contents
 * end              a block with the number of entries (8)
 * </pre>
 *
 * <p>The contents of a block are whole entries: 1 if there is a value and 0 if not (1 byte), the length of the key (4),
 * the key, the length of the value (4), the value.
 *
 * <p>The file is forced every few megabytes, so that the fsync of a commit does not have to wait for all of it.
 */
final class EntryFileWriter implements Closeable {

    static final long MAGIC = 0x4B6579536F727465L;
    static final int HEADER_BYTES = 16;
    static final int BLOCK_HEADER_BYTES = 8;

    private static final int BLOCK_BYTES = 64 * 1024;
    private static final int BYTES_BETWEEN_FORCES = 4 * 1024 * 1024;

    private final RandomAccessFile file;
    private final long number;
    private final ByteArrayOutputStream block = new ByteArrayOutputStream(2 * BLOCK_BYTES);
    private final DataOutputStream out = new DataOutputStream(block);
    private long offset;
    private long forced;
    private long entries;

    EntryFileWriter(Path path, long number) throws IOException {
        this.number = number;
        file = new RandomAccessFile(path.toFile(), "rw");
        try {
            write(ByteBuffer.allocate(HEADER_BYTES)
                    .putLong(MAGIC)
                    .putLong(number)
                    .array());
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    void add(FileEntry entry) throws IOException {
        byte[] value = entry.value();
        out.writeByte(value == null ? 0 : 1);
        out.writeInt(entry.key().length);
        out.write(entry.key());
        if (value != null) {
            out.writeInt(value.length);
            out.write(value);
        }
        entries++;
        if (block.size() >= BLOCK_BYTES) {
            endBlock();
        }
    }

    /** Writes the last block, and forces the file. */
    void finish() throws IOException {
        if (block.size() > 0) {
            endBlock();
        }
        out.writeLong(entries);
        endBlock();
        file.getFD().sync();
    }

    private void endBlock() throws IOException {
        byte[] contents = block.toByteArray();
        block.reset();
        write(ByteBuffer.allocate(BLOCK_HEADER_BYTES)
                .putInt(contents.length)
                .putInt(checksum(number, offset, contents))
                .array());
        write(contents);
        if (offset - forced > BYTES_BETWEEN_FORCES) {
            file.getFD().sync();
            forced = offset;
        }
    }

    private void write(byte[] bytes) throws IOException {
        file.write(bytes);
        offset += bytes.length;
    }

    static int checksum(long number, long offset, byte[] contents) {
        return JournalRecord.checksum(
                ByteBuffer.allocate(2 * Long.BYTES)
                        .putLong(number)
                        .putLong(offset)
                        .flip(),
                ByteBuffer.wrap(contents));
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
