package dev.keystore.bench;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * The turns of JVMs that are measured alternately: all of them are started and stay alive, and one at a time runs an
 * iteration. What is compared is therefore measured less than a second apart.
 *
 * @param <R> the result of a JVM
 */
final class Turns<R> implements AutoCloseable {

    private static final int CHECK_MILLIS = 200;

    private final ServerSocket server;
    private final ExecutorService starters = Executors.newCachedThreadPool();
    private final List<Player<R>> players = new ArrayList<>();

    private record Player<R>(Future<R> result, Socket socket) {}

    Turns() throws IOException {
        server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        server.setSoTimeout(CHECK_MILLIS);
    }

    /** Returns the argument of a JVM that waits for its turns. */
    String jvmArgument() {
        return "-D" + Turn.PORT + "=" + server.getLocalPort();
    }

    /** Starts a JVM by a call that returns when it has exited, and waits until the JVM asks for its first turn. */
    void start(Callable<R> jvm) throws IOException, InterruptedException {
        Future<R> result = starters.submit(jvm);
        while (true) {
            try {
                players.add(new Player<>(result, server.accept()));
                return;
            } catch (SocketTimeoutException e) {
                if (result.isDone()) {
                    result(result);
                    throw new IllegalStateException("a JVM has exited before its first turn", e);
                }
            }
        }
    }

    /** Lets each JVM run one iteration, in a random order. */
    void take(Random random, BetweenTurns between) throws IOException, InterruptedException {
        List<Player<R>> order = new ArrayList<>(players);
        Collections.shuffle(order, random);
        for (Player<R> player : order) {
            between.run();
            grant(player);
        }
    }

    private static <R> void grant(Player<R> player) throws InterruptedException {
        try {
            player.socket.getOutputStream().write(1);
            if (player.socket.getInputStream().read() < 0) {
                throw new EOFException();
            }
        } catch (IOException e) {
            result(player.result);
            throw new IllegalStateException("a JVM has exited during its turn", e);
        }
    }

    /** Waits for all JVMs, and returns their results in the order in which they were started. */
    List<R> results() throws InterruptedException {
        List<R> results = new ArrayList<>();
        for (Player<R> player : players) {
            results.add(result(player.result));
        }
        return results;
    }

    private static <R> R result(Future<R> future) throws InterruptedException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("a JVM has failed: " + e.getCause(), e.getCause());
        }
    }

    /** Ends all JVMs that wait for a turn. */
    @Override
    public void close() throws IOException {
        for (Player<R> player : players) {
            player.socket.close();
        }
        server.close();
        starters.shutdown();
    }

    /** What is done before each turn. */
    interface BetweenTurns {
        void run() throws IOException;
    }
}
