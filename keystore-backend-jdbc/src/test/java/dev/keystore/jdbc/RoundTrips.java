package dev.keystore.jdbc;

import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.SocketFactory;

/**
 * Counts how often connections wait for an answer after they have written. The driver creates an instance for the
 * option {@code socketFactory}.
 */
public final class RoundTrips extends SocketFactory {

    static final String OPTION = "&socketFactory=" + RoundTrips.class.getName();

    private static final AtomicInteger COUNT = new AtomicInteger();

    /** For the driver. */
    public RoundTrips() {}

    /** Returns the number of round trips since the last call. */
    static int sinceLast() {
        return COUNT.getAndSet(0);
    }

    @Override
    public Socket createSocket() {
        AtomicBoolean asked = new AtomicBoolean();
        return new Socket() {
            @Override
            public OutputStream getOutputStream() throws IOException {
                return new FilterOutputStream(super.getOutputStream()) {
                    @Override
                    public void write(byte[] bytes, int from, int length) throws IOException {
                        asked.set(true);
                        out.write(bytes, from, length);
                    }
                };
            }

            @Override
            public InputStream getInputStream() throws IOException {
                return new FilterInputStream(super.getInputStream()) {
                    @Override
                    public int read(byte[] bytes, int from, int length) throws IOException {
                        if (asked.getAndSet(false)) {
                            COUNT.incrementAndGet();
                        }
                        return in.read(bytes, from, length);
                    }
                };
            }
        };
    }

    @Override
    public Socket createSocket(String host, int port) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Socket createSocket(String host, int port, InetAddress localHost, int localPort) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Socket createSocket(InetAddress host, int port) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Socket createSocket(InetAddress host, int port, InetAddress localHost, int localPort) {
        throw new UnsupportedOperationException();
    }
}
