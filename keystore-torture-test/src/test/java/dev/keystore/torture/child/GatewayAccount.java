package dev.keystore.torture.child;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import dev.keystore.SignalKeyStore;
import dev.keystore.Transaction;
import dev.keystore.TransactionOptions;
import dev.keystore.libsignal.AccountOptions;
import dev.keystore.libsignal.PreKeyUpload;
import dev.keystore.libsignal.SignalAccount;
import dev.keystore.libsignal.SignalGroup;
import dev.keystore.libsignal.StoredMessage;
import dev.keystore.libsignal.StoredSession;
import dev.keystore.torture.child.GatewayNetwork.Envelope;
import dev.keystore.torture.child.GatewayNetwork.Keys;
import dev.keystore.torture.child.GatewayNetwork.PreKey;
import dev.keystore.torture.child.GatewayNetwork.Refusal;
import dev.keystore.torture.child.GatewayNetwork.Status;
import dev.keystore.torture.child.GatewayNetwork.Task;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.InvalidKeyException;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.InvalidMessageException;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.UntrustedIdentityException;
import org.signal.libsignal.protocol.ecc.ECPublicKey;
import org.signal.libsignal.protocol.kem.KEMPublicKey;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SenderKeyDistributionMessage;
import org.signal.libsignal.protocol.message.SenderKeyMessage;
import org.signal.libsignal.protocol.message.SignalMessage;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyBundle;
import org.signal.libsignal.protocol.state.PreKeyRecord;

/**
 * One account of a gateway: takes over what its user wants to send, encrypts, sends, receives and handles messages, and
 * registers again. Used by one thread.
 *
 * <p>The ids of messages on their way are {@code message/recipient#attempt}, and {@code message/recipient#attempt/key}
 * for a sender key.
 */
public final class GatewayAccount {

    /** How often a message was handled, by its id. */
    public static final KeyType<Integer> HANDLED = KeyType.of("gateway-handled", new Codec<>() {
        @Override
        public byte[] encode(Integer count) {
            return new byte[] {count.byteValue()};
        }

        @Override
        public Integer decode(byte[] bytes) {
            return (int) bytes[0];
        }
    });

    /**
     * How often an encrypted message was handled, by the id that its sender gave to it and a hash of its bytes: a
     * message that is sent again is encrypted again.
     */
    public static final KeyType<Integer> DECRYPTED = KeyType.of("gateway-decrypted", HANDLED.codec());

    /** The messages that were encrypted, by their ids: their group, or nothing. */
    private static final KeyType<byte[]> SENT = KeyType.ofBytes("gateway-sent");

    /** The messages that could not be decrypted, by their ids. They are sent again, and may come twice then. */
    private static final KeyType<byte[]> REFUSED = KeyType.ofBytes("gateway-refused");

    /** How many members had left a group when this account sent to it last. */
    private static final KeyType<Integer> EPOCH = KeyType.of("gateway-epoch", HANDLED.codec());

    private static final TransactionOptions RETRY = TransactionOptions.retryOnConflict(5);
    private static final String KEY = "/key";
    private static final int DEVICE = 1;
    private static final int BATCH = 12;
    private static final int FLOOR = 4;

    /** How often a message of a group is fetched before it is refused: its sender key may be late. */
    private static final int PATIENCE = 6;

    private final String name;
    private final SignalKeyStore store;
    private final GatewayNetwork network;
    private final SignalAccount account;

    GatewayAccount(String name, SignalKeyStore store, GatewayNetwork network) {
        this.name = name;
        this.store = store;
        this.network = network;
        account = SignalAccount.openOrCreate(store, options(name));
    }

    /** Returns the options of an account. */
    public static AccountOptions options(String name) {
        return AccountOptions.builder()
                .localAddress(address(name))
                .preKeyBatch(BATCH)
                .preKeyFloor(FLOOR)
                .build();
    }

    private static SignalProtocolAddress address(String name) {
        return new SignalProtocolAddress(name, DEVICE);
    }

    /** Returns the text of a message. */
    private static byte[] text(String message) {
        return ("The text of " + message).getBytes(UTF_8);
    }

    /** Does what there is to do, and returns whether there was anything. */
    boolean step() throws Exception {
        boolean worked = register();
        for (Envelope envelope : network.fetch(name)) {
            worked = true;
            receive(envelope);
        }
        for (StoredMessage message : account.inbox().pending()) {
            worked = true;
            account.inbox().handle(message, tx -> handle(tx, message.id(), message.body()));
        }
        for (Refusal refusal : network.refusals(name)) {
            worked = true;
            sendAgain(refusal);
            network.refusalDone(name, refusal.number());
        }
        Task task = network.task(name);
        if (task != null) {
            worked = true;
            if (store.find(SENT, task.id()).isEmpty()) {
                encrypt(task);
            }
            network.taskDone(name, task.id());
        }
        for (StoredMessage message : account.outbox().pending()) {
            worked = true;
            if (network.send(name, message.id(), message.remote().getName(), message.type(), message.body())) {
                account.outbox().confirm(message.id());
            }
        }
        return worked;
    }

    private boolean register() throws Exception {
        Status status = network.status(name);
        if (status.registers() && Arrays.equals(network.identity(name), identity())) {
            account.changeIdentity(
                    IdentityKeyPair.generate(), ThreadLocalRandom.current().nextInt(1, 0x4000));
        }
        if (status.preKeys() >= FLOOR && !account.needsUpload() && !status.registers()) {
            return false;
        }
        Optional<PreKeyUpload> upload = account.preKeys().replenish(status.preKeys(), status.preKeys());
        if (upload.isPresent()) {
            network.upload(name, keys(upload.get()));
            account.confirmUpload(upload.get());
        }
        return upload.isPresent();
    }

    private byte[] identity() {
        return account.identityKey().serialize();
    }

    private Keys keys(PreKeyUpload upload) throws InvalidKeyException {
        return new Keys(
                account.registrationId(),
                identity(),
                new PreKey(
                        upload.signedPreKey().getId(),
                        upload.signedPreKey().getKeyPair().getPublicKey().serialize(),
                        upload.signedPreKey().getSignature()),
                kyber(upload.lastResortKyberPreKey()),
                upload.preKeys().stream().map(GatewayAccount::key).toList(),
                upload.kyberPreKeys().stream().map(GatewayAccount::kyber).toList());
    }

    private static PreKey key(PreKeyRecord record) {
        try {
            return new PreKey(record.getId(), record.getKeyPair().getPublicKey().serialize(), new byte[0]);
        } catch (InvalidKeyException e) {
            throw new IllegalStateException(e);
        }
    }

    private static PreKey kyber(KyberPreKeyRecord record) {
        try {
            return new PreKey(record.getId(), record.getKeyPair().getPublicKey().serialize(), record.getSignature());
        } catch (InvalidKeyException e) {
            throw new IllegalStateException(e);
        }
    }

    private void startSession(SignalProtocolAddress remote) throws Exception {
        Keys keys = network.bundle(remote.getName());
        PreKey kyber = keys.kyberPreKeys().isEmpty()
                ? keys.lastResort()
                : keys.kyberPreKeys().get(0);
        Optional<PreKey> preKey = keys.preKeys().stream().findFirst();
        IdentityKey identity = new IdentityKey(keys.identity());
        PreKeyBundle bundle = new PreKeyBundle(
                keys.registrationId(),
                DEVICE,
                preKey.map(PreKey::id).orElse(PreKeyBundle.NULL_PRE_KEY_ID),
                preKey.isPresent() ? new ECPublicKey(preKey.get().publicKey()) : null,
                keys.signed().id(),
                new ECPublicKey(keys.signed().publicKey()),
                keys.signed().signature(),
                identity,
                kyber.id(),
                new KEMPublicKey(kyber.publicKey()),
                kyber.signature());
        try {
            account.startSession(remote, bundle);
        } catch (UntrustedIdentityException e) {
            account.identities().trust(remote, identity);
            account.startSession(remote, bundle);
        }
    }

    /** Starts sessions where there is none that messages can be encrypted in. */
    private void startMissingSessions(List<SignalProtocolAddress> remotes) throws Exception {
        for (SignalProtocolAddress remote : remotes) {
            List<StoredSession> sessions = account.sessions().list(remote.getName());
            if (sessions.isEmpty() || sessions.get(0).state() != StoredSession.State.ACTIVE) {
                startSession(remote);
            }
        }
    }

    private void encrypt(Task task) throws Exception {
        List<SignalProtocolAddress> remotes =
                task.recipients().stream().map(GatewayAccount::address).toList();
        startMissingSessions(remotes);
        if (task.group() == null) {
            SignalProtocolAddress remote = remotes.get(0);
            account.transaction(remote, RETRY, (signal, tx) -> {
                CiphertextMessage sealed = account.sessionCipher(signal, remote).encrypt(text(task.id()));
                account.outbox().add(tx, id(task.id(), remote, 0), remote, sealed.getType(), sealed.serialize());
                tx.put(SENT, task.id(), new byte[0]);
                return true;
            });
            return;
        }
        SignalGroup group = account.group(task.group());
        String groupId = task.group().toString();
        if (store.find(EPOCH, groupId).orElse(0) < task.epoch()) {
            group.rotate();
            store.put(EPOCH, groupId, task.epoch());
        }
        group.encrypt(remotes, text(task.id()), (encrypted, tx) -> {
            encrypted
                    .distributions()
                    .forEach((remote, key) -> account.outbox()
                            .add(tx, id(task.id(), remote, 0) + KEY, remote, key.getType(), key.serialize()));
            CiphertextMessage toAll = encrypted.message();
            for (SignalProtocolAddress remote : remotes) {
                account.outbox().add(tx, id(task.id(), remote, 0), remote, toAll.getType(), toAll.serialize());
            }
            tx.put(SENT, task.id(), groupId.getBytes(UTF_8));
            return true;
        });
    }

    private static String id(String message, SignalProtocolAddress remote, int attempt) {
        return message + "/" + remote.getName() + "#" + attempt;
    }

    private static String messageOf(String id) {
        return id.substring(0, id.indexOf('/'));
    }

    private static int attemptOf(String id) {
        int begin = id.indexOf('#') + 1;
        int end = id.indexOf('/', begin);
        return Integer.parseInt(end < 0 ? id.substring(begin) : id.substring(begin, end));
    }

    /** Encrypts a message again that its recipient could not decrypt; one of a group to this recipient alone. */
    private void sendAgain(Refusal refusal) throws Exception {
        SignalProtocolAddress remote = address(refusal.recipient());
        String message = messageOf(refusal.id());
        int attempt = attemptOf(refusal.id()) + 1;
        String groupId = new String(store.find(SENT, message).orElseThrow(), UTF_8);
        Optional<IdentityKey> known = account.identities().find(remote);
        boolean isChanged =
                known.isEmpty() || !Arrays.equals(known.get().serialize(), network.identity(remote.getName()));
        if (isChanged || attempt > 2) {
            startSession(remote);
        } else {
            startMissingSessions(List.of(remote));
        }
        if (!groupId.isEmpty()) {
            account.group(UUID.fromString(groupId)).forget(List.of(remote));
        }
        if (!refusal.id().endsWith(KEY)) {
            account.outbox().encrypt(id(message, remote, attempt), remote, text(message));
        }
    }

    private void receive(Envelope envelope) throws Exception {
        String message = messageOf(envelope.id());
        try {
            try {
                decrypt(envelope, message);
            } catch (UntrustedIdentityException e) {
                IdentityKey current = new IdentityKey(network.identity(envelope.from()));
                if (envelope.type() != CiphertextMessage.PREKEY_TYPE
                        || !current.equals(new PreKeySignalMessage(envelope.body()).getIdentityKey())) {
                    throw e;
                }
                account.identities().trust(address(envelope.from()), current);
                decrypt(envelope, message);
            }
            network.acknowledge(name, envelope.number());
        } catch (DuplicateMessageException e) {
            if (envelope.id().endsWith(KEY) || isKnown(message)) {
                network.recognized(true);
                network.acknowledge(name, envelope.number());
            } else if (envelope.type() == CiphertextMessage.SENDERKEY_TYPE) {
                refuse(envelope, message); // it is older than the sender key
            } else {
                network.fault(name + " recognized " + envelope.id() + ", which it had not handled");
            }
        } catch (UntrustedIdentityException
                | NoSessionException
                | InvalidMessageException
                | InvalidKeyIdException
                | InvalidKeyException e) {
            refuse(envelope, message);
        }
    }

    private void refuse(Envelope envelope, String message) throws Exception {
        if (isKnown(message) && !envelope.id().endsWith(KEY)) {
            network.recognized(false);
            network.acknowledge(name, envelope.number());
        } else if (envelope.type() != CiphertextMessage.SENDERKEY_TYPE || envelope.delivery() >= PATIENCE) {
            if (!envelope.id().endsWith(KEY)) {
                store.put(REFUSED, message, new byte[0]);
            }
            network.refuse(name, envelope.number());
        }
    }

    /** Returns whether a message was handled, or is in the inbox. */
    private boolean isKnown(String message) {
        return store.find(HANDLED, message).isPresent()
                || account.inbox().pending().stream()
                        .anyMatch(each -> messageOf(each.id()).equals(message));
    }

    /** Decrypts in one of the ways that the module has. */
    private void decrypt(Envelope envelope, String message) throws Exception {
        SignalProtocolAddress sender = address(envelope.from());
        String encrypted = envelope.id() + "@" + Integer.toHexString(Arrays.hashCode(envelope.body()));
        boolean toInbox = message.hashCode() % 2 == 0;
        if (envelope.type() == CiphertextMessage.SENDERKEY_TYPE) {
            UUID group = new SenderKeyMessage(envelope.body()).getDistributionId();
            account.group(group).decrypt(sender, envelope.body(), RETRY, (received, tx) -> {
                return toInbox
                        ? account.inbox().add(tx, encrypted, sender, received.plaintext())
                        : handle(tx, encrypted, received.plaintext());
            });
        } else if (envelope.id().endsWith(KEY)) {
            account.decrypt(sender, parsed(envelope), RETRY, (received, tx) -> {
                SenderKeyDistributionMessage key = new SenderKeyDistributionMessage(received.plaintext());
                account.group(key.getDistributionId()).process(tx, sender, key);
                return true;
            });
        } else if (toInbox) {
            account.inbox().receive(encrypted, sender, parsed(envelope));
        } else {
            account.decrypt(
                    sender, parsed(envelope), RETRY, (received, tx) -> handle(tx, encrypted, received.plaintext()));
        }
    }

    /** Counts a message in the transaction that decrypts it or removes it from the inbox. */
    private boolean handle(Transaction tx, String encrypted, byte[] plaintext) {
        String message = messageOf(encrypted);
        if (!Arrays.equals(plaintext, text(message))) {
            throw new IllegalStateException("The text of " + message + " is " + new String(plaintext, UTF_8));
        }
        tx.put(DECRYPTED, encrypted, tx.find(DECRYPTED, encrypted).orElse(0) + 1);
        int before = tx.find(HANDLED, message).orElse(0);
        if (before == 0 || tx.find(REFUSED, message).isEmpty()) {
            tx.put(HANDLED, message, before + 1);
        }
        return true;
    }

    private static CiphertextMessage parsed(Envelope envelope) throws Exception {
        return envelope.type() == CiphertextMessage.PREKEY_TYPE
                ? new PreKeySignalMessage(envelope.body())
                : new SignalMessage(envelope.body());
    }
}
