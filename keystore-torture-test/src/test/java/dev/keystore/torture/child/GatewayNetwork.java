package dev.keystore.torture.child;

import java.io.IOException;
import java.io.Serializable;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.rmi.Remote;
import java.rmi.RemoteException;
import java.rmi.server.RMIClientSocketFactory;
import java.rmi.server.RMIServerSocketFactory;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What a gateway can call of the network: the server with its queues and keys, and what users want to send. */
public interface GatewayNetwork extends Remote {

    /**
     * What there is to do for an account.
     *
     * @param registers whether the account is to register with a new identity
     * @param preKeys how many one-time pre-keys of the kind with fewer the server has left
     */
    record Status(boolean registers, int preKeys) implements Serializable {}

    /**
     * A message that a user wants to send.
     *
     * @param id its id, the same for all recipients
     * @param group the group, or null if it is for one recipient
     * @param epoch how many members have left the group
     * @param recipients the names of the recipients
     */
    record Task(String id, @Nullable UUID group, int epoch, List<String> recipients) implements Serializable {}

    /**
     * An encrypted message on its way.
     *
     * @param number its number at the server
     * @param delivery how often it was delivered, with this time
     * @param id the id that the sender gave to it
     * @param from the sender
     * @param type the type of the message
     * @param body the encrypted bytes
     */
    record Envelope(long number, int delivery, String id, String from, int type, byte[] body) implements Serializable {}

    /**
     * Tells a sender that a recipient could not decrypt a message.
     *
     * @param number its number at the server
     * @param id the id that the sender gave to the message
     * @param recipient the recipient
     */
    record Refusal(long number, String id, String recipient) implements Serializable {}

    /**
     * The public keys of an account, serialized.
     *
     * @param registrationId the registration id
     * @param identity the identity key
     * @param signed the signed pre-key
     * @param lastResort the last-resort Kyber pre-key
     * @param preKeys the one-time pre-keys
     * @param kyberPreKeys the one-time Kyber pre-keys
     */
    record Keys(
            int registrationId,
            byte[] identity,
            PreKey signed,
            PreKey lastResort,
            List<PreKey> preKeys,
            List<PreKey> kyberPreKeys)
            implements Serializable {}

    /**
     * A public key, serialized.
     *
     * @param id its id
     * @param publicKey the key
     * @param signature its signature, or none for a one-time pre-key
     */
    record PreKey(int id, byte[] publicKey, byte[] signature) implements Serializable {}

    /** Connects the two processes on this machine only. */
    record Loopback() implements RMIClientSocketFactory, RMIServerSocketFactory, Serializable {

        @Override
        public Socket createSocket(String host, int port) throws IOException {
            return new Socket(InetAddress.getLoopbackAddress(), port);
        }

        @Override
        public ServerSocket createServerSocket(int port) throws IOException {
            return new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
        }
    }

    /** Returns what there is to do for an account. */
    Status status(String account) throws RemoteException;

    /** Replaces all keys of an account. */
    void upload(String account, Keys keys) throws RemoteException;

    /** Returns keys for a new session: at most one one-time pre-key and one Kyber pre-key, each handed out once. */
    Keys bundle(String account) throws RemoteException;

    /** Returns the identity key of an account. */
    byte[] identity(String account) throws RemoteException;

    /** Returns the message that an account is to send next, if there is one. */
    @Nullable
    Task task(String account) throws RemoteException;

    /** Removes the message that an account has taken over. */
    void taskDone(String account, String id) throws RemoteException;

    /** Returns whether the server confirms that it has accepted a message. If it does not, it may have it or not. */
    boolean send(String from, String id, String to, int type, byte[] body) throws RemoteException;

    /** Returns the messages for an account, until they are acknowledged. */
    List<Envelope> fetch(String account) throws RemoteException;

    /** Removes a message for an account. The server may lose the call. */
    void acknowledge(String account, long number) throws RemoteException;

    /** Removes a message that an account cannot decrypt, and tells its sender. */
    void refuse(String account, long number) throws RemoteException;

    /** Returns the refusals of messages of an account, until they are done. */
    List<Refusal> refusals(String account) throws RemoteException;

    /** Removes a refusal. */
    void refusalDone(String account, long number) throws RemoteException;

    /** Counts a message that an account recognized as one that it had before. */
    void recognized(boolean byLibsignal) throws RemoteException;

    /** Reports that a message was not handled as it should be. */
    void fault(String what) throws RemoteException;

    /** Returns a number that grows with all that happens. */
    long activity() throws RemoteException;

    /**
     * Reports that a worker found nothing to do, and waits a moment for something to do.
     *
     * @param since what {@link #activity} was before it looked
     * @return whether all is done
     */
    boolean idle(int worker, long since) throws RemoteException;
}
