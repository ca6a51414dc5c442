package dev.keystore.torture.child;

import dev.keystore.core.SignalKeyDatabase;
import java.io.ObjectInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * A process that sends and receives the messages of many accounts in one store, until all is done. It may be killed at
 * any time, and started again.
 */
public final class GatewayChild {

    private GatewayChild() {}

    /**
     * Runs with the URL of the store, the file with the stub of the {@link GatewayNetwork}, the number of accounts and
     * the number of workers.
     */
    public static void main(String[] args) throws Exception {
        GatewayNetwork network;
        try (ObjectInputStream in = new ObjectInputStream(Files.newInputStream(Path.of(args[1])))) {
            network = (GatewayNetwork) in.readObject();
        }
        int accounts = Integer.parseInt(args[2]);
        int workers = Integer.parseInt(args[3]);
        ExecutorService threads = Executors.newFixedThreadPool(workers);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(args[0])) {
            List<Future<Integer>> running = new ArrayList<>();
            for (int i = 0; i < workers; i++) {
                int worker = i;
                running.add(threads.submit(() -> run(database, network, worker, workers, accounts)));
            }
            for (Future<Integer> each : running) {
                each.get();
            }
        } catch (Exception e) {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
        threads.shutdownNow();
        System.exit(0); // the threads of remote calls would keep the process alive
    }

    /** Runs a part of the accounts until all is done, and returns their number. */
    private static int run(SignalKeyDatabase database, GatewayNetwork network, int worker, int workers, int accounts)
            throws Exception {
        List<GatewayAccount> own = new ArrayList<>();
        for (int i = worker; i < accounts; i += workers) {
            String name = name(i);
            own.add(new GatewayAccount(name, database.forContext(name), network));
        }
        while (true) {
            long activity = network.activity();
            boolean worked = false;
            for (GatewayAccount account : own) {
                worked |= account.step();
            }
            if (!worked && network.idle(worker, activity)) {
                return own.size();
            }
        }
    }

    /** Returns the name of an account. */
    public static String name(int account) {
        return "user" + account;
    }
}
