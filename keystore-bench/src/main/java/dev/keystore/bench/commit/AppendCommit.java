package dev.keystore.bench.commit;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The minimum that a durable commit does: it appends the values to a file, and forces it. A store that can look up a
 * value without reading the whole file has to do more.
 */
final class AppendCommit implements CommitPeer {

    private final FileChannel log;
    private final ConcurrentMap<String, byte[]> values = new ConcurrentHashMap<>();
    private final CommitGroups<Map<String, byte[]>> groups;
    private final AtomicLong fsyncs = new AtomicLong();

    AppendCommit(Path file, int groupLimit) throws IOException {
        groups = new CommitGroups<>(groupLimit, this::append);
        if (Files.exists(file)) {
            replay(file);
        }
        log = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    }

    private void replay(Path file) throws IOException {
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            while (in.available() > 0) {
                values.put(in.readUTF(), in.readNBytes(Payload.BYTES));
            }
        }
    }

    @Override
    public void fill(String context, List<String> ids) throws Exception {
        Map<String, byte[]> first = new HashMap<>();
        for (String id : ids) {
            for (EntryKind kind : EntryKind.values()) {
                first.put(kind.key(context, id), Payload.first(id));
            }
        }
        groups.write(first);
    }

    @Override
    public void commit(String context, String id) throws Exception {
        String session = EntryKind.SESSION.key(context, id);
        byte[] next = Payload.next(Objects.requireNonNull(values.get(session)));
        groups.write(Map.of(session, next, EntryKind.SENDER_KEY.key(context, id), next));
    }

    private void append(List<Map<String, byte[]>> group) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        for (Map<String, byte[]> one : group) {
            for (Map.Entry<String, byte[]> value : one.entrySet()) {
                out.writeUTF(value.getKey());
                out.write(value.getValue());
            }
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes.toByteArray());
        while (buffer.hasRemaining()) {
            log.write(buffer);
        }
        log.force(false);
        fsyncs.incrementAndGet();
        group.forEach(values::putAll);
    }

    @Override
    public byte @Nullable [] find(EntryKind kind, String context, String id) {
        return values.get(kind.key(context, id));
    }

    @Override
    public OptionalLong fsyncs() {
        return OptionalLong.of(fsyncs.get());
    }

    @Override
    public void close() throws IOException {
        log.close();
    }
}
