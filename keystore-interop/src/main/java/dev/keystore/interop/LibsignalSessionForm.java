package dev.keystore.interop;

import dev.keystore.interop.SessionState.Chain;
import dev.keystore.interop.SessionState.PendingPreKey;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Sessions in the form of libsignal: the message {@code RecordStructure} of its {@code storage.proto}. */
final class LibsignalSessionForm {

    /** The version of sessions that were started by X3DH; later ones have Kyber keys, which no other form holds. */
    private static final long VERSION = 3;

    private static final int VERSION_FIELD = 1;
    private static final int LOCAL_IDENTITY = 2;
    private static final int REMOTE_IDENTITY = 3;
    private static final int ROOT_KEY = 4;
    private static final int PREVIOUS_COUNTER = 5;
    private static final int SENDER_CHAIN = 6;
    private static final int RECEIVER_CHAIN = 7;
    private static final int PENDING_PRE_KEY = 9;
    private static final int REMOTE_REGISTRATION_ID = 10;
    private static final int LOCAL_REGISTRATION_ID = 11;
    private static final int BASE_KEY = 13;
    private static final int PENDING_KYBER_PRE_KEY = 14;
    private static final int POST_QUANTUM_RATCHET = 15;

    private LibsignalSessionForm() {}

    static SessionStates read(byte[] record) throws DamagedException {
        Protobuf message = new Protobuf(record);
        SessionStates.Builder states = new SessionStates.Builder();
        while (message.next()) {
            byte[] session = message.bytes();
            switch (message.field()) {
                case 1 -> states.open(readState(session));
                case 2 -> states.closed(() -> readState(session));
                default -> throw message.unknown();
            }
        }
        return states.build();
    }

    private static SessionState readState(byte[] session) throws DamagedException {
        Protobuf message = new Protobuf(session);
        long version = 0;
        byte[] localIdentity = new byte[0];
        byte[] remoteIdentity = new byte[0];
        byte[] rootKey = new byte[0];
        byte[] baseKey = new byte[0];
        long previousCounter = 0;
        long localRegistrationId = 0;
        long remoteRegistrationId = 0;
        Chain sender = null;
        List<Chain> receivers = new ArrayList<>();
        PendingPreKey pending = null;
        while (message.next()) {
            switch (message.field()) {
                case VERSION_FIELD -> version = message.number();
                case LOCAL_IDENTITY -> localIdentity = message.bytes();
                case REMOTE_IDENTITY -> remoteIdentity = message.bytes();
                case ROOT_KEY -> rootKey = message.bytes();
                case PREVIOUS_COUNTER -> previousCounter = message.number();
                case SENDER_CHAIN -> sender = readChain(message.bytes());
                case RECEIVER_CHAIN -> receivers.add(readChain(message.bytes()));
                case PENDING_PRE_KEY -> pending = readPending(message.bytes());
                case REMOTE_REGISTRATION_ID -> remoteRegistrationId = message.number();
                case LOCAL_REGISTRATION_ID -> localRegistrationId = message.number();
                case BASE_KEY -> baseKey = message.bytes();
                case PENDING_KYBER_PRE_KEY, POST_QUANTUM_RATCHET -> {
                    if (message.bytes().length > 0) {
                        throw new DamagedException("it was started with Kyber keys, which only libsignal has");
                    }
                }
                default -> throw message.unknown();
            }
        }
        if (version != VERSION) {
            throw new DamagedException("it is a session of version " + version + "; only version 3 can be converted");
        }
        return new SessionState(
                localIdentity,
                localRegistrationId,
                remoteIdentity,
                remoteRegistrationId,
                baseKey,
                rootKey,
                previousCounter,
                sender,
                receivers,
                pending);
    }

    private static Chain readChain(byte[] chain) throws DamagedException {
        Protobuf message = new Protobuf(chain);
        byte[] publicKey = new byte[0];
        byte[] privateKey = new byte[0];
        long index = 0;
        byte[] key = new byte[0];
        List<MessageKey> newestFirst = new ArrayList<>();
        while (message.next()) {
            switch (message.field()) {
                case 1 -> publicKey = message.bytes();
                case 2 -> privateKey = message.bytes();
                case 3 -> {
                    Protobuf chainKey = new Protobuf(message.bytes());
                    while (chainKey.next()) {
                        switch (chainKey.field()) {
                            case 1 -> index = chainKey.number();
                            case 2 -> key = chainKey.bytes();
                            default -> throw chainKey.unknown();
                        }
                    }
                }
                case 4 -> newestFirst.add(readMessageKey(message.bytes()));
                default -> throw message.unknown();
            }
        }
        Collections.reverse(newestFirst);
        return new Chain(publicKey, orNull(privateKey), index, orNull(key), newestFirst);
    }

    private static MessageKey readMessageKey(byte[] messageKey) throws DamagedException {
        Protobuf message = new Protobuf(messageKey);
        long index = 0;
        byte[] cipherKey = new byte[0];
        byte[] macKey = new byte[0];
        byte[] iv = new byte[0];
        byte[] seed = new byte[0];
        while (message.next()) {
            switch (message.field()) {
                case 1 -> index = message.number();
                case 2 -> cipherKey = message.bytes();
                case 3 -> macKey = message.bytes();
                case 4 -> iv = message.bytes();
                case 5 -> seed = message.bytes();
                default -> throw message.unknown();
            }
        }
        return seed.length > 0 ? MessageKey.ofSeed(index, seed) : MessageKey.ofDerived(index, cipherKey, macKey, iv);
    }

    private static PendingPreKey readPending(byte[] pending) throws DamagedException {
        Protobuf message = new Protobuf(pending);
        Long preKeyId = null;
        long signedPreKeyId = 0;
        long seconds = 0;
        while (message.next()) {
            switch (message.field()) {
                case 1 -> preKeyId = message.number();
                case 2 -> message.bytes(); // the base key of the session
                case 3 -> signedPreKeyId = message.number();
                case 4 -> seconds = message.number();
                default -> throw message.unknown();
            }
        }
        return new PendingPreKey(preKeyId, signedPreKeyId, seconds);
    }

    private static byte @Nullable [] orNull(byte[] bytes) {
        return bytes.length == 0 ? null : bytes;
    }

    static ConvertedRecord write(SessionStates states) {
        ByteArrayOutputStream record = new ByteArrayOutputStream();
        if (states.open() != null) {
            Protobuf.bytes(record, 1, writeState(states.open()));
        }
        states.closed().forEach(state -> Protobuf.bytes(record, 2, writeState(state)));
        return new ConvertedRecord(record.toByteArray(), List.of());
    }

    private static byte[] writeState(SessionState state) {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        Protobuf.number(message, VERSION_FIELD, VERSION);
        Protobuf.bytes(message, LOCAL_IDENTITY, state.localIdentity());
        Protobuf.bytes(message, REMOTE_IDENTITY, state.remoteIdentity());
        Protobuf.bytes(message, ROOT_KEY, state.rootKey());
        number(message, PREVIOUS_COUNTER, state.previousCounter());
        if (state.sender() != null) {
            Protobuf.bytes(message, SENDER_CHAIN, writeChain(state.sender()));
        }
        state.receivers().forEach(chain -> Protobuf.bytes(message, RECEIVER_CHAIN, writeChain(chain)));
        if (state.pending() != null) {
            Protobuf.bytes(message, PENDING_PRE_KEY, writePending(state.pending(), state.baseKey()));
        }
        number(message, REMOTE_REGISTRATION_ID, state.remoteRegistrationId());
        number(message, LOCAL_REGISTRATION_ID, state.localRegistrationId());
        Protobuf.bytes(message, BASE_KEY, state.baseKey());
        return message.toByteArray();
    }

    private static byte[] writeChain(Chain chain) {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        Protobuf.bytes(message, 1, chain.publicKey());
        if (chain.privateKey() != null) {
            Protobuf.bytes(message, 2, chain.privateKey());
        }
        ByteArrayOutputStream chainKey = new ByteArrayOutputStream();
        number(chainKey, 1, chain.index());
        Protobuf.bytes(chainKey, 2, chain.keyOrRandom());
        Protobuf.bytes(message, 3, chainKey.toByteArray());
        List<MessageKey> newestFirst = new ArrayList<>(chain.newestSkipped());
        Collections.reverse(newestFirst);
        newestFirst.forEach(key -> Protobuf.bytes(message, 4, writeMessageKey(key)));
        return message.toByteArray();
    }

    private static byte[] writeMessageKey(MessageKey key) {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        number(message, 1, key.index());
        byte[] seed = key.seed();
        if (seed != null) {
            Protobuf.bytes(message, 5, seed);
        } else {
            Protobuf.bytes(message, 2, key.cipherKey());
            Protobuf.bytes(message, 3, key.macKey());
            Protobuf.bytes(message, 4, key.iv());
        }
        return message.toByteArray();
    }

    private static byte[] writePending(PendingPreKey pending, byte[] baseKey) {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        if (pending.preKeyId() != null) {
            Protobuf.number(message, 1, pending.preKeyId());
        }
        Protobuf.bytes(message, 2, baseKey);
        number(message, 3, pending.signedPreKeyId());
        number(message, 4, pending.seconds());
        return message.toByteArray();
    }

    /** Writes a number unless it is 0, which is the default. */
    private static void number(ByteArrayOutputStream message, int field, long value) {
        if (value != 0) {
            Protobuf.number(message, field, value);
        }
    }
}
