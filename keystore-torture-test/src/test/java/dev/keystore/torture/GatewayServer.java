package dev.keystore.torture;

import dev.keystore.torture.GatewayScript.Registration;
import dev.keystore.torture.GatewayScript.Sending;
import dev.keystore.torture.child.GatewayNetwork;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The network of a simulated gateway, outside of the process that is killed. It loses and doubles messages and loses
 * acknowledgments, as a seed determines it, and runs the clock of the script.
 */
final class GatewayServer implements GatewayNetwork {

    private static final double LOST = 0.05;
    private static final double UNCONFIRMED = 0.05;
    private static final double DOUBLED = 0.05;
    private static final double UNACKNOWLEDGED = 0.05;
    private static final long IDLE_MILLIS = 20;

    private final long seed;
    private final Map<String, Account> accounts = new HashMap<>();
    private final Map<String, Integer> chances = new HashMap<>();
    private final Map<String, Integer> counts = new LinkedHashMap<>();
    private final List<String> faults = new ArrayList<>();
    private final long[] idleSince;
    private final double secondsEachSecond;
    private final int accountsOfScript;
    private long startNanos;
    private long activity;
    private long lastNumber;
    private int registered;
    private boolean mayEnd;
    private int callsUntilKill = Integer.MAX_VALUE;
    private KillMoment killMoment = KillMoment.BEFORE;
    private Runnable kill = () -> {};

    /** When a process is killed, relative to a call to the network. */
    enum KillMoment {
        BEFORE,
        AFTER,
        LATER
    }

    /** What the server knows of an account. */
    private static final class Account {
        private final Deque<Sending> tasks = new ArrayDeque<>();
        private final List<Registration> registrations = new ArrayList<>();
        private final Map<Long, Envelope> queue = new LinkedHashMap<>();
        private final Map<Long, Refusal> refusals = new LinkedHashMap<>();
        private byte[] identity = {};
        private int identities;
        private @Nullable Keys keys;
        private final Deque<PreKey> preKeys = new ArrayDeque<>();
        private final Deque<PreKey> kyberPreKeys = new ArrayDeque<>();
        private final Set<ByteBuffer> handedOut = new HashSet<>();
    }

    GatewayServer(long seed, GatewayScript script, int accounts, int workers, double realSeconds) {
        this.seed = seed;
        accountsOfScript = accounts;
        secondsEachSecond = GatewayScript.SECONDS / realSeconds;
        idleSince = new long[workers];
        script.sendings().forEach(sending -> account(sending.from()).tasks.add(sending));
        script.registrations()
                .forEach(each -> account(each.account()).registrations.add(each));
    }

    private Account account(String name) {
        return accounts.computeIfAbsent(name, each -> new Account());
    }

    /** Kills the process at one of the next calls. */
    synchronized void killAt(int call, KillMoment moment, Runnable action) {
        callsUntilKill = call;
        killMoment = moment;
        kill = action;
    }

    /** Lets the workers end when everything is done; until then, processes run until they are killed. */
    synchronized void allowEnd() {
        mayEnd = true;
    }

    /** Returns what was counted. */
    synchronized Map<String, Integer> counts() {
        return Map.copyOf(counts);
    }

    /** Returns what was not as it should be. */
    synchronized List<String> faults() {
        return List.copyOf(faults);
    }

    /** Returns the second of the script that it is now; the script begins when all accounts are registered. */
    synchronized double second() {
        return registered < accountsOfScript
                ? 0
                : (System.nanoTime() - startNanos) * secondsEachSecond / TimeUnit.SECONDS.toNanos(1);
    }

    private synchronized <T> T call(Supplier<T> action) {
        boolean isFatal = --callsUntilKill == 0;
        if (isFatal && killMoment == KillMoment.BEFORE) {
            kill.run();
            throw new IllegalStateException("the process is killed before this call");
        }
        T result = action.get();
        if (isFatal && killMoment == KillMoment.AFTER) {
            kill.run();
        }
        if (isFatal && killMoment == KillMoment.LATER) {
            CompletableFuture.delayedExecutor(lastNumber % 3_000, TimeUnit.MICROSECONDS)
                    .execute(kill);
        }
        return result;
    }

    private void run(Runnable action) {
        call(() -> {
            action.run();
            return true;
        });
    }

    /** Decides by the seed whether something happens, the same for the same thing each time. */
    private boolean happens(String what, String id, double chance) {
        int time = chances.merge(what + id, 1, Integer::sum);
        boolean happens = new Random(seed ^ (what + id + time).hashCode() * 0x9E3779B97F4A7C15L).nextDouble() < chance;
        if (happens) {
            count(what);
        }
        return happens;
    }

    private void count(String what) {
        counts.merge(what, 1, Integer::sum);
    }

    private void happened() {
        activity++;
        notifyAll();
    }

    @Override
    public Status status(String name) {
        return call(() -> {
            Account account = account(name);
            long due = account.registrations.stream()
                    .filter(each -> each.second() <= second())
                    .count();
            return new Status(
                    account.identities > 0 && account.identities - 1 < due,
                    Math.min(account.preKeys.size(), account.kyberPreKeys.size()));
        });
    }

    @Override
    public void upload(String name, Keys keys) {
        run(() -> {
            Account account = account(name);
            account.keys = keys;
            replace(account.preKeys, keys.preKeys());
            replace(account.kyberPreKeys, keys.kyberPreKeys());
            count("uploads");
            if (!Arrays.equals(account.identity, keys.identity())) {
                account.identity = keys.identity();
                count(account.identities == 0 ? "accounts" : "new identities");
                if (account.identities++ == 0 && ++registered == accountsOfScript) {
                    startNanos = System.nanoTime();
                }
            }
            happened();
        });
    }

    /** A kind of which an upload has no key keeps what the server has, as on Signal's server. */
    private static void replace(Deque<PreKey> keys, List<PreKey> uploaded) {
        if (!uploaded.isEmpty()) {
            keys.clear();
            keys.addAll(uploaded);
        }
    }

    @Override
    public Keys bundle(String name) {
        return call(() -> {
            Account account = account(name);
            count("bundles");
            Keys keys = account.keys;
            return new Keys(
                    keys.registrationId(),
                    keys.identity(),
                    keys.signed(),
                    keys.lastResort(),
                    next(account, account.preKeys),
                    next(account, account.kyberPreKeys));
        });
    }

    private List<PreKey> next(Account account, Deque<PreKey> keys) {
        if (keys.isEmpty()) {
            return List.of();
        }
        PreKey next = keys.remove();
        if (!account.handedOut.add(ByteBuffer.wrap(next.publicKey()))) {
            faults.add("one-time pre-key " + next.id() + " was uploaded again after a contact received it");
        }
        return List.of(next);
    }

    @Override
    public byte[] identity(String name) {
        return call(() -> account(name).identity);
    }

    @Override
    public @Nullable Task task(String name) {
        return call(() -> {
            Sending next = account(name).tasks.peek();
            return next == null || next.second() > second() ? null : next.task();
        });
    }

    @Override
    public void taskDone(String name, String id) {
        run(() -> {
            Sending next = account(name).tasks.peek();
            if (next != null && next.task().id().equals(id)) {
                account(name).tasks.remove();
                happened();
            }
        });
    }

    @Override
    public boolean send(String from, String id, String to, int type, byte[] body) {
        return call(() -> {
            happened();
            if (happens("lost", id, LOST)) {
                return false;
            }
            int copies = happens("doubled", id, DOUBLED) ? 2 : 1;
            for (int i = 0; i < copies; i++) {
                lastNumber++;
                account(to).queue.put(lastNumber, new Envelope(lastNumber, 0, id, from, type, body));
            }
            return !happens("sent but not confirmed", id, UNCONFIRMED);
        });
    }

    @Override
    public List<Envelope> fetch(String name) {
        return call(() -> {
            Account account = account(name);
            account.queue.replaceAll((number, each) ->
                    new Envelope(number, each.delivery() + 1, each.id(), each.from(), each.type(), each.body()));
            return List.copyOf(account.queue.values());
        });
    }

    @Override
    public void acknowledge(String name, long number) {
        run(() -> {
            happened();
            Envelope envelope = account(name).queue.get(number);
            if (envelope != null && !happens("acknowledgments lost", envelope.id(), UNACKNOWLEDGED)) {
                account(name).queue.remove(number);
            }
        });
    }

    @Override
    public void refuse(String name, long number) {
        run(() -> {
            happened();
            Envelope envelope = account(name).queue.remove(number);
            if (envelope != null) {
                count("refused");
                account(envelope.from()).refusals.put(number, new Refusal(number, envelope.id(), name));
            }
        });
    }

    @Override
    public List<Refusal> refusals(String name) {
        return call(() -> List.copyOf(account(name).refusals.values()));
    }

    @Override
    public void refusalDone(String name, long number) {
        run(() -> {
            happened();
            account(name).refusals.remove(number);
        });
    }

    @Override
    public void recognized(boolean byLibsignal) {
        run(() -> count(byLibsignal ? "recognized by libsignal" : "recognized by their ids"));
    }

    @Override
    public void fault(String what) {
        run(() -> faults.add(what));
    }

    @Override
    public long activity() {
        return call(() -> activity);
    }

    @Override
    public synchronized boolean idle(int worker, long since) {
        idleSince[worker] = since;
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(IDLE_MILLIS);
        try {
            while (!isDone() && activity == since && System.nanoTime() < deadline) {
                wait(IDLE_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return isDone();
    }

    /** All workers have found nothing to do since the last thing happened. */
    private boolean isDone() {
        return mayEnd
                && second() > GatewayScript.SECONDS
                && Arrays.stream(idleSince).allMatch(since -> since == activity)
                && accounts.values().stream()
                        .allMatch(account -> account.tasks.isEmpty()
                                && account.queue.isEmpty()
                                && account.refusals.isEmpty()
                                && account.identities > account.registrations.size());
    }
}
