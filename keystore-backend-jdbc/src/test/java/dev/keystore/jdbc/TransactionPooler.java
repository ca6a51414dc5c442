package dev.keystore.jdbc;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.Set;
import java.util.concurrent.BlockingDeque;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingDeque;

/**
 * A minimal pooler between stores and a server: each transaction of a client uses a session of the server, and returns
 * it at its end.
 *
 * <p>The protocol's messages are a letter, a length that includes itself, and a body. A client sends a query, or
 * messages that end with a sync; the server's answer ends with a flag that says whether a transaction is open
 * (postgresql.org/docs/current/protocol-message-formats.html).
 */
final class TransactionPooler implements AutoCloseable {

    private static final int SSL_REQUEST = 80_877_103;
    private static final int GSS_REQUEST = 80_877_104;

    /** Which session a client gets. */
    enum Mode {
        /** One for as long as it is connected. */
        SESSION,
        /** For each transaction the one that was used most recently. */
        MOST_RECENT,
        /** For each transaction the one that was not used for longest ({@code server_round_robin} of PgBouncer). */
        ROUND_ROBIN
    }

    private final int serverPort;
    private final int sessions;
    private final ServerSocket listening;
    private final BlockingDeque<Session> free = new LinkedBlockingDeque<>();
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private volatile Mode mode;
    private byte[] greeting = {};

    TransactionPooler(int serverPort, int sessions, Mode mode) throws IOException {
        this.mode = mode;
        this.serverPort = serverPort;
        this.sessions = sessions;
        this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        start(this::accept);
    }

    /** Changes the mode for the clients that connect from now on. */
    void change(Mode to) {
        mode = to;
    }

    int port() {
        return listening.getLocalPort();
    }

    private record Message(byte type, byte[] body) {

        static Message read(DataInputStream in) throws IOException {
            byte type = in.readByte();
            return new Message(type, in.readNBytes(in.readInt() - 4));
        }

        void write(DataOutputStream out) throws IOException {
            out.writeByte(type);
            out.writeInt(body.length + 4);
            out.write(body);
        }
    }

    /** A session of the server. */
    private final class Session {

        private final DataInputStream in;
        private final DataOutputStream out;

        Session(byte[] startup) throws IOException {
            Socket socket = new Socket(InetAddress.getLoopbackAddress(), serverPort);
            open.add(socket);
            in = new DataInputStream(socket.getInputStream());
            out = new DataOutputStream(socket.getOutputStream());
            out.writeInt(startup.length + 4);
            out.write(startup);
        }

        /** Copies an answer, and returns whether a transaction is open after it. */
        boolean answer(ByteArrayOutputStream answer) throws IOException {
            DataOutputStream copy = new DataOutputStream(answer);
            while (true) {
                Message message = Message.read(in);
                message.write(copy);
                if (message.type == 'Z') {
                    return message.body[0] != 'I';
                }
            }
        }
    }

    private void accept() {
        while (!listening.isClosed()) {
            try {
                Socket client = listening.accept();
                open.add(client);
                start(() -> serve(client));
            } catch (IOException e) {
                // Closed.
            }
        }
    }

    private void serve(Socket client) {
        Session session = null;
        Mode clientMode = mode;
        try (client) {
            client.setTcpNoDelay(true);
            DataInputStream in = new DataInputStream(client.getInputStream());
            DataOutputStream out = new DataOutputStream(client.getOutputStream());
            greet(startup(in, out), out);
            while (true) {
                Message message = Message.read(in);
                if (message.type == 'X') {
                    return;
                }
                if (session == null) {
                    session = free.takeFirst();
                }
                message.write(session.out);
                if (message.type == 'Q' || message.type == 'S') {
                    ByteArrayOutputStream answer = new ByteArrayOutputStream();
                    // The session is free before the client has the answer: its next query may follow at once.
                    if (!session.answer(answer) && clientMode != Mode.SESSION) {
                        if (clientMode == Mode.MOST_RECENT) {
                            free.addFirst(session);
                        } else {
                            free.addLast(session);
                        }
                        session = null;
                    }
                    answer.writeTo(out);
                }
            }
        } catch (IOException | InterruptedException e) {
            // The client or the server has gone.
        } finally {
            open.remove(client);
        }
    }

    private static byte[] startup(DataInputStream in, DataOutputStream out) throws IOException {
        while (true) {
            byte[] startup = in.readNBytes(in.readInt() - 4);
            int code = ByteBuffer.wrap(startup).getInt();
            if (code != SSL_REQUEST && code != GSS_REQUEST) {
                return startup;
            }
            out.writeByte('N');
        }
    }

    /** Opens the sessions for the first client, and sends every client the server's greeting to it. */
    private synchronized void greet(byte[] startup, DataOutputStream client) throws IOException {
        while (free.size() < sessions && greeting.length == 0) {
            Session session = new Session(startup);
            ByteArrayOutputStream said = new ByteArrayOutputStream();
            session.answer(said);
            free.addFirst(session);
            if (free.size() == sessions) {
                greeting = said.toByteArray();
            }
        }
        client.write(greeting);
    }

    private static void start(Runnable work) {
        Thread thread = new Thread(work, "pooler");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        listening.close();
        open.forEach(socket -> {
            try {
                socket.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }
}
