package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * A correct backend, for tests that break it: entries in memory, and a file to which groups of batches are appended,
 * each after its length and a checksum. Opening it truncates an incomplete record at the end of the file.
 *
 * <p>It never calls {@code fsync}: it survives the death of a process, but not power loss.
 */
class LogBackend implements ContextAwareBackend, GroupCommit {

    private static final int HEADER_BYTES = 2 * Integer.BYTES;
    private static final int MAXIMUM_RECORD_BYTES = 1 << 24;

    final MemoryBackend memory;
    final FileChannel log;

    LogBackend(Path folder) {
        this(folder, new MemoryBackend());
    }

    /** Opens a log whose groups follow those in {@code memory}. */
    LogBackend(Path folder, MemoryBackend memory) {
        this.memory = memory;
        Path path = folder.resolve("log");
        try {
            log = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            replay(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static long size(Path folder) {
        try {
            Path log = folder.resolve("log");
            return Files.exists(log) ? Files.size(log) : 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public synchronized void commit(List<Batch> group) {
        append(group);
        memory.commit(group);
    }

    /** Writes a group as one record. */
    void append(List<Batch> group) {
        write(record(group));
    }

    final void write(byte[] bytes) {
        try {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                log.write(buffer);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static byte[] record(List<Batch> group) {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        ByteArrayOutputStream record = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(body);
                DataOutputStream recordOut = new DataOutputStream(record)) {
            for (Batch batch : group) {
                for (Mutation mutation : batch.mutations()) {
                    writeTo(out, batch.context(), mutation);
                }
            }
            recordOut.writeInt(body.size());
            recordOut.writeInt(checksum(body.toByteArray()));
            body.writeTo(recordOut);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return record.toByteArray();
    }

    private static void writeTo(DataOutputStream out, String context, Mutation mutation) throws IOException {
        out.writeUTF(context);
        if (mutation instanceof Mutation.Put put) {
            out.writeByte('p');
            out.writeUTF(put.type());
            out.writeUTF(put.id());
            out.writeInt(put.value().length);
            out.write(put.value());
        } else if (mutation instanceof Mutation.Delete delete) {
            out.writeByte('d');
            out.writeUTF(delete.type());
            out.writeUTF(delete.id());
        } else if (mutation instanceof Mutation.Clear clear) {
            out.writeByte('c');
            out.writeUTF(String.join(",", clear.keptTypes()));
        }
    }

    private void replay(Path path) throws IOException {
        long whole = 0;
        try (InputStream file = Files.newInputStream(path);
                DataInputStream in = new DataInputStream(file)) {
            long size = Files.size(path);
            while (size - whole >= HEADER_BYTES) {
                int length = in.readInt();
                int checksum = in.readInt();
                if (length <= 0 || length > MAXIMUM_RECORD_BYTES || length > size - whole - HEADER_BYTES) {
                    break;
                }
                byte[] record = in.readNBytes(length);
                if (checksum(record) != checksum) {
                    break;
                }
                apply(record);
                whole += HEADER_BYTES + length;
            }
        }
        log.truncate(whole);
        log.position(whole);
    }

    private static int checksum(byte[] record) {
        CRC32C checksum = new CRC32C();
        checksum.update(record, 0, record.length);
        return (int) checksum.getValue();
    }

    private void apply(byte[] record) throws IOException {
        List<Batch> group = new ArrayList<>();
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(record))) {
            while (in.available() > 0) {
                group.add(new Batch(in.readUTF(), 0, 0, List.of(readFrom(in))));
            }
        } catch (EOFException e) {
            throw new IOException("a damaged record", e);
        }
        memory.commit(group);
    }

    private static Mutation readFrom(DataInputStream in) throws IOException {
        int kind = in.readByte();
        if (kind == 'p') {
            return new Mutation.Put(in.readUTF(), in.readUTF(), in.readNBytes(in.readInt()));
        }
        return kind == 'd'
                ? new Mutation.Delete(in.readUTF(), in.readUTF())
                : new Mutation.Clear(Set.of(in.readUTF().split(",", -1)));
    }

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        return memory.load(context, type, id);
    }

    @Override
    public void save(String context, String type, String id, byte[] value) {
        commit(new Batch(context, 0, 0, List.of(new Mutation.Put(type, id, value))));
    }

    @Override
    public void delete(String context, String type, String id) {
        commit(new Batch(context, 0, 0, List.of(new Mutation.Delete(type, id))));
    }

    @Override
    public Stream<EntryId> list(String context) {
        return memory.list(context);
    }

    @Override
    public synchronized void close() {
        try {
            log.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
