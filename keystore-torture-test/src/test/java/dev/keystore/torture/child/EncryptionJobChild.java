package dev.keystore.torture.child;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.ContextOwnedException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.core.EncryptionProgress;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreEncryption;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * A process that encrypts a store, rotates its keys or decrypts it, while two threads count in it. It prints
 * {@code start}, each count when it is durable, and {@code done}. The job may stop in the middle; then it prints
 * {@code held}, and the threads continue until the process is killed. If a commit of a thread is refused, or one before
 * it is lost, the process exits with 1.
 */
public final class EncryptionJobChild {

    private EncryptionJobChild() {}

    /**
     * Runs with the URL of the store, the property {@code encryption.key}, the name of the job, and after how many
     * calls of its listener it stops, or 0.
     */
    public static void main(String[] args) throws InterruptedException {
        SignalKeyDatabase.Builder builder =
                SignalKeyDatabase.builder().url(args[0]).property("encryption.key", args[1]);
        if (args[2].equals("encrypt")) {
            builder.encryptExisting();
        } else if (args[2].equals("decrypt")) {
            builder.decryptExisting();
        }
        try (SignalKeyDatabase database = builder.open()) {
            print("start");
            AtomicBoolean done = new AtomicBoolean();
            Thread[] counting = {count(database, 0, done), count(database, 1, done)};
            runUnlessOwned(database.encryption(), args[2], Integer.parseInt(args[3]));
            done.set(true);
            for (Thread thread : counting) {
                thread.join();
            }
        } catch (StoreOpenException e) {
            if (!args[2].equals("decrypt") || !e.getMessage().contains("no mark")) {
                throw e;
            }
        }
        print("done");
    }

    /** Runs a job, again if a server has not noticed yet that a process was killed. */
    private static void runUnlessOwned(StoreEncryption encryption, String job, int held) {
        AtomicInteger calls = new AtomicInteger();
        Consumer<EncryptionProgress> listener = progress -> {
            if (calls.incrementAndGet() == held) {
                print("held");
                awaitKill();
            }
        };
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (true) {
            try {
                run(encryption, job, listener);
                return;
            } catch (ContextOwnedException e) {
                if (System.nanoTime() - deadlineNanos > 0) {
                    throw e;
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
            }
        }
    }

    private static void awaitKill() {
        while (true) {
            LockSupport.park();
        }
    }

    private static void run(StoreEncryption encryption, String job, Consumer<EncryptionProgress> listener) {
        switch (job) {
            case "encrypt" -> encryption.encrypt(listener);
            case "rotate" -> encryption.rotate(listener);
            case "decrypt" -> encryption.decrypt(listener);
            default -> throw new IllegalArgumentException(job);
        }
    }

    private static Thread count(SignalKeyDatabase database, int number, AtomicBoolean done) {
        SignalKeyStore store = database.forContext("context " + number);
        Thread thread = new Thread(() -> {
            int counted = 0;
            while (!done.get()) {
                counted = next(store, counted);
                print(number + " " + counted);
            }
        });
        thread.setUncaughtExceptionHandler((failed, failure) -> {
            failure.printStackTrace();
            Runtime.getRuntime().halt(1);
        });
        thread.start();
        return thread;
    }

    /** Increments a counter. It must have the value that this thread has written last, unless that is 0. */
    private static int next(SignalKeyStore store, int counted) {
        return store.transaction("counter", tx -> {
            int found = tx.find(KeyTypes.SESSION, "counter")
                    .map(value -> Integer.parseInt(new String(value, UTF_8)))
                    .orElse(0);
            if (counted > 0 && found != counted) {
                throw new AssertionError(counted + " was acknowledged, but the store has " + found);
            }
            tx.put(KeyTypes.SESSION, "counter", ("" + (found + 1)).getBytes(UTF_8));
            return found + 1;
        });
    }

    private static synchronized void print(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
