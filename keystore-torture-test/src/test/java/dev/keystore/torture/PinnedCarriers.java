package dev.keystore.torture;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.libsignal.SignalAccount;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/**
 * A process whose virtual threads begin conversations with libsignal. Its native frames are between the transaction's
 * work and the store, and pin the few carriers. Meanwhile, a platform thread commits to another context. The arguments
 * are the URL of the store and the number of conversations.
 *
 * <p>It fails at the first conversation that fails, and if no conversation ends for a time that is a multiple of every
 * timeout of the engine, however long all of them take together.
 */
public final class PinnedCarriers {

    /** All threads wait at once for the lock of the pre-key ids, so the last one waits for nearly all conversations. */
    private static final Duration LOCK_TIMEOUT = Duration.ofMinutes(10);

    private static final long MAXIMUM_STALL_SECONDS = 120;
    private static final long MAXIMUM_COMMIT_SECONDS = 15;

    /** Small enough that most reads go to the backend. */
    private static final long CACHE_BYTES = 200_000;

    private PinnedCarriers() {}

    public static void main(String[] arguments) throws Exception {
        try {
            run(arguments[0], Integer.parseInt(arguments[1]));
            Runtime.getRuntime().halt(0);
        } catch (Throwable e) {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private static void run(String url, int conversations) throws Exception {
        ExecutorService virtual = (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .url(url)
                .maximumCacheBytes(CACHE_BYTES)
                .lockTimeout(LOCK_TIMEOUT)
                .open()) {
            SignalAccount bot = SignalAccount.openOrCreate(database.forContext("bot"));
            SignalAccount peer = SignalAccount.openOrCreate(database.forContext("peer"));
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < conversations; i++) {
                int number = i;
                running.add(virtual.submit(() -> converse(bot, peer, number)));
            }
            int commits = commitUntilDone(database.forContext("other"), running);
            System.out.println(
                    conversations + " conversations, and meanwhile " + commits + " commits of a platform thread");
        }
        System.out.println("closed");
    }

    private static void converse(SignalAccount bot, SignalAccount peer, int number) {
        SignalProtocolAddress user = new SignalProtocolAddress("user-" + number, 1);
        SignalProtocolAddress address = new SignalProtocolAddress("bot-" + number, 1);
        try {
            peer.startSession(address, bot.newPreKeyBundle(1));
            bot.decrypt(user, peer.encrypt(address, "there".getBytes(UTF_8)));
            peer.decrypt(address, bot.encrypt(user, "and back".getBytes(UTF_8)));
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException("conversation " + number, e);
        }
    }

    /** Commits on this thread until all conversations have succeeded, and returns the number of commits. */
    private static int commitUntilDone(SignalKeyStore other, List<Future<?>> running)
            throws ExecutionException, InterruptedException {
        List<Future<?>> left = new ArrayList<>(running);
        long lastEndNanos = System.nanoTime();
        int commits = 0;
        while (!left.isEmpty()) {
            long beginNanos = System.nanoTime();
            other.put(KeyTypes.SESSION, "counter", new byte[] {(byte) ++commits});
            long nowNanos = System.nanoTime();
            for (Future<?> conversation : left) {
                if (conversation.isDone()) {
                    conversation.get();
                    lastEndNanos = nowNanos;
                }
            }
            left.removeIf(Future::isDone);
            long commitSeconds = TimeUnit.NANOSECONDS.toSeconds(nowNanos - beginNanos);
            long stallSeconds = TimeUnit.NANOSECONDS.toSeconds(nowNanos - lastEndNanos);
            if (commitSeconds > MAXIMUM_COMMIT_SECONDS || stallSeconds > MAXIMUM_STALL_SECONDS) {
                throw new IllegalStateException(left.size() + " of " + running.size()
                        + " conversations are running, the last one ended " + stallSeconds
                        + " s ago, and the last commit took " + commitSeconds + " s");
            }
        }
        return commits;
    }
}
