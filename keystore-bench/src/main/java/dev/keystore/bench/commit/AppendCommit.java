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
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The least that a durable commit can do: append what was written to a file, and force it. No thing that finds its
 * values again by more than reading the file from its beginning can be faster.
 *
 * <p>A thread that finds nobody appending leads: it appends what waits, up to {@code groupLimit} commits, forces it once,
 * and passes the lead to the first that came in the meantime.
 */
final class AppendCommit implements CommitPeer {

    private enum Turn {
        TO_LEAD,
        DONE
    }

    private record Waiting(Map<String, byte[]> values, CompletableFuture<Turn> turn) {}

    private final int groupLimit;
    private final FileChannel log;
    private final ConcurrentMap<String, byte[]> values = new ConcurrentHashMap<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Deque<Waiting> queue = new ArrayDeque<>();
    private boolean led;
    private final AtomicLong fsyncs = new AtomicLong();

    AppendCommit(Path file, int groupLimit) throws IOException {
        this.groupLimit = groupLimit;
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
    public void fill(String context, List<String> ids) throws IOException {
        Map<String, byte[]> first = new HashMap<>();
        for (String id : ids) {
            for (Kind kind : Kind.values()) {
                first.put(kind.key(context, id), Payload.first(id));
            }
        }
        append(first);
    }

    @Override
    public void commit(String context, String id) throws IOException {
        String session = Kind.SESSION.key(context, id);
        byte[] next = Payload.next(Objects.requireNonNull(values.get(session)));
        append(Map.of(session, next, Kind.SENDER_KEY.key(context, id), next));
    }

    private void append(Map<String, byte[]> written) throws IOException {
        Waiting own = new Waiting(written, new CompletableFuture<>());
        enqueue(own);
        try {
            if (own.turn.join() == Turn.TO_LEAD) {
                lead();
            }
        } catch (CompletionException e) {
            throw new IOException(e.getCause());
        }
    }

    private void enqueue(Waiting own) {
        lock.lock();
        try {
            queue.add(own);
            if (!led) {
                led = true;
                own.turn.complete(Turn.TO_LEAD);
            }
        } finally {
            lock.unlock();
        }
    }

    private void lead() throws IOException {
        List<Waiting> group = take();
        try {
            write(group);
            group.forEach(one -> values.putAll(one.values));
            group.forEach(one -> one.turn.complete(Turn.DONE));
        } catch (IOException e) {
            group.forEach(one -> one.turn.completeExceptionally(e));
            throw e;
        } finally {
            passOn();
        }
    }

    private List<Waiting> take() {
        lock.lock();
        try {
            List<Waiting> group = new ArrayList<>();
            while (!queue.isEmpty() && group.size() < groupLimit) {
                group.add(queue.remove());
            }
            return group;
        } finally {
            lock.unlock();
        }
    }

    private void write(List<Waiting> group) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        for (Waiting one : group) {
            for (Map.Entry<String, byte[]> value : one.values.entrySet()) {
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
    }

    private void passOn() {
        lock.lock();
        try {
            led = !queue.isEmpty();
            if (led) {
                queue.element().turn.complete(Turn.TO_LEAD);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public byte @Nullable [] find(Kind kind, String context, String id) {
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
