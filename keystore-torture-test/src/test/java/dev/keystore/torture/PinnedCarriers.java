package dev.keystore.torture;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.libsignal.SignalAccount;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/**
 * A process whose virtual threads begin conversations with libsignal: its native frames, between the work and the store, pin
 * their carriers, of which there are few. A platform thread commits to another context all the while. The arguments are the
 * URL of the store and the number of virtual threads.
 */
public final class PinnedCarriers {

    private static final long DEADLINE_SECONDS = 240;

    /** All of them wait for the lock of the pre-keys' ids at once. */
    private static final Duration LOCK_TIMEOUT = Duration.ofMinutes(3);

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
            for (Future<?> one : running) {
                one.get();
            }
            System.out.println(conversations + " conversations beside " + commits + " commits of a platform thread");
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

    /** Commits on this thread until all is done, and returns how often; none may take as long as a lock's time-out. */
    private static int commitUntilDone(SignalKeyStore other, List<Future<?>> running) {
        long endNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        int commits = 0;
        while (!running.stream().allMatch(Future::isDone)) {
            long beginNanos = System.nanoTime();
            other.put(KeyTypes.SESSION, "counter", new byte[] {(byte) ++commits});
            long tookSeconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - beginNanos);
            if (tookSeconds > 15 || System.nanoTime() - endNanos > 0) {
                long done = running.stream().filter(Future::isDone).count();
                throw new IllegalStateException(
                        done + " of " + running.size() + " are done, the last commit took " + tookSeconds + " s");
            }
        }
        return commits;
    }
}
