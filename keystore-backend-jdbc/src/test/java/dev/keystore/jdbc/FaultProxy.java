package dev.keystore.jdbc;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** A proxy between a store and a server that breaks connections: at a byte, at a COMMIT, or all of them. */
final class FaultProxy implements AutoCloseable {

    private static final long UNLIMITED = Long.MAX_VALUE / 2;

    private volatile int serverPort;
    private final ServerSocket listening;
    private final Set<Socket> clients = ConcurrentHashMap.newKeySet();
    private final Set<Socket> servers = ConcurrentHashMap.newKeySet();
    private final AtomicInteger cuts = new AtomicInteger();
    private final AtomicLong toServer = new AtomicLong(UNLIMITED);
    private final AtomicLong toClient = new AtomicLong(UNLIMITED);
    private volatile long answerOfCommit = UNLIMITED;
    private volatile boolean refusing;
    private volatile boolean refusingAfterCut;
    private volatile CountDownLatch requests = new CountDownLatch(0);
    private volatile CountDownLatch answers = new CountDownLatch(0);

    FaultProxy(int serverPort) {
        this.serverPort = serverPort;
        try {
            this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        start(this::accept);
    }

    int port() {
        return listening.getLocalPort();
    }

    int cuts() {
        return cuts.get();
    }

    /** Waits until a connection has been cut. */
    void awaitCut() {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (cuts.get() == 0) {
            if (System.nanoTime() > deadlineNanos) {
                throw new AssertionError("no connection was cut in time");
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
    }

    /** Cuts one connection, when this many more bytes have passed in either direction. */
    void cutAfter(long bytesToServer, long bytesToClient) {
        toServer.set(bytesToServer);
        toClient.set(bytesToClient);
    }

    /**
     * Cuts the connection of the next COMMIT, or of the next statement that commits by itself: before it is passed on
     * if {@code bytes} is negative, otherwise after this number of bytes of its answer.
     */
    void cutAtCommit(long bytes) {
        answerOfCommit = bytes;
    }

    /** Forwards nothing, and keeps the connections. */
    void hang() {
        requests = new CountDownLatch(1);
        answers = new CountDownLatch(1);
    }

    /** Forwards no answers, and keeps the connections. */
    void holdAnswers() {
        answers = new CountDownLatch(1);
    }

    /** Closes one direction of the existing connections: to the server, or to the client. */
    void halfClose(boolean toServer) {
        for (Socket socket : toServer ? servers : clients) {
            try {
                socket.shutdownOutput();
            } catch (IOException e) {
                // It is closed already.
            }
        }
    }

    /** Closes the existing connections, and directs new ones to another server. */
    void leadTo(int port) {
        serverPort = port;
        endAll();
    }

    /** Directs new connections to another server, and keeps the existing ones. */
    void leadNewTo(int port) {
        serverPort = port;
    }

    private void endAll() {
        clients.forEach(FaultProxy::close);
        servers.forEach(FaultProxy::close);
    }

    /** Closes the existing connections, and every new one. */
    void refuse() {
        refusing = true;
        endAll();
    }

    /** Closes the existing connections and every new one, from the next cut on. */
    void refuseAfterCut() {
        refusingAfterCut = true;
    }

    /** Forwards everything again. */
    void heal() {
        refusing = false;
        refusingAfterCut = false;
        answerOfCommit = UNLIMITED;
        cutAfter(UNLIMITED, UNLIMITED);
        requests.countDown();
        answers.countDown();
    }

    private void accept() {
        while (!listening.isClosed()) {
            try {
                Socket client = listening.accept();
                if (refusing) {
                    close(client);
                } else {
                    connect(client);
                }
            } catch (IOException e) {
                // Closed, or the server does not listen; the client's connection is closed.
            }
        }
    }

    private void connect(Socket client) throws IOException {
        clients.add(client);
        try {
            Socket server = new Socket(InetAddress.getLoopbackAddress(), serverPort);
            client.setTcpNoDelay(true);
            server.setTcpNoDelay(true);
            servers.add(server);
            start(() -> pass(client, server, toServer));
            start(() -> pass(server, client, toClient));
        } catch (IOException e) {
            close(client);
            throw e;
        }
    }

    private void pass(Socket from, Socket to, AtomicLong budget) {
        byte[] bytes = new byte[1 << 16];
        try (from;
                to;
                InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream()) {
            int length = in.read(bytes);
            while (length >= 0) {
                (budget.equals(toServer) ? requests : answers).await();
                if (budget.equals(toServer) && answerOfCommit != UNLIMITED && holdsCommit(bytes, length)) {
                    toClient.set(answerOfCommit);
                    if (answerOfCommit < 0) {
                        break;
                    }
                }
                // Counted before they are forwarded: their receiver may set a new budget.
                long left = budget.addAndGet(-length);
                out.write(bytes, 0, (int) Math.max(0, Math.min(length, left + length)));
                out.flush();
                if (left <= 0) {
                    break;
                }
                length = in.read(bytes);
            }
            if (length >= 0) {
                cuts.incrementAndGet();
                cut();
            }
        } catch (IOException | InterruptedException e) {
            // Closed by the other side.
        } finally {
            clients.removeAll(Set.of(from, to));
            servers.removeAll(Set.of(from, to));
        }
    }

    private void cut() {
        boolean refuse = refusingAfterCut;
        heal();
        if (refuse) {
            refuse();
        }
    }

    private static boolean holdsCommit(byte[] bytes, int length) {
        String passing = new String(bytes, 0, length, ISO_8859_1);
        return passing.contains("COMMIT") || passing.contains("WITH recorded");
    }

    private static void start(Runnable work) {
        Thread thread = new Thread(work, "proxy");
        thread.setDaemon(true);
        thread.start();
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() throws IOException {
        heal();
        listening.close();
        endAll();
    }
}
