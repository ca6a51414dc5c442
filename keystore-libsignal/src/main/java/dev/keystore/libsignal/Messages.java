package dev.keystore.libsignal;

import dev.keystore.Transaction;
import dev.keystore.TransactionOptions;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.InvalidKeyException;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.InvalidMessageException;
import org.signal.libsignal.protocol.InvalidVersionException;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SessionCipher;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.UntrustedIdentityException;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SignalMessage;
import org.signal.libsignal.protocol.state.PreKeyBundle;

/** Runs libsignal's operations on messages, each in one transaction of an account's store. */
final class Messages {

    private final AccountStore account;
    private final AccountOptions options;
    private final Ciphers ciphers;

    Messages(AccountStore account, AccountOptions options) {
        this.account = account;
        this.options = options;
        ciphers = new Ciphers(options.localAddress().orElse(null));
    }

    Ciphers ciphers() {
        return ciphers;
    }

    IdentityStatus startSession(SignalProtocolAddress remote, PreKeyBundle bundle)
            throws UntrustedIdentityException, InvalidKeyException {
        try {
            return account.transaction(LockKeys.ofDevice(remote), AccountStore.RETRY, tx -> {
                KeystoreSignalProtocolStore signal = replacingDamaged(tx);
                ciphers.builder(signal, remote).process(bundle);
                return signal.identityStatus();
            });
        } catch (UntrustedIdentityException | InvalidKeyException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw undeclared(e);
        }
    }

    /** Runs work with the cipher of a session in one transaction. */
    <R> R encrypt(SignalProtocolAddress remote, CipherWork<R> work)
            throws NoSessionException, UntrustedIdentityException {
        try {
            return run(
                    LockKeys.ofDevice(remote),
                    AccountStore.RETRY,
                    (signal, tx) -> work.run(ciphers.cipher(signal, remote), tx));
        } catch (NoSessionException | UntrustedIdentityException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw undeclared(e);
        }
    }

    /** Decrypts a message and runs the application's work on it in one transaction. */
    <R, X extends Exception> R decrypt(
            SignalProtocolAddress remote,
            CiphertextMessage message,
            TransactionOptions transactionOptions,
            MessageWork<R, X> work)
            throws X, DuplicateMessageException, InvalidMessageException, InvalidVersionException,
                    InvalidKeyIdException, InvalidKeyException, NoSessionException, UntrustedIdentityException {
        boolean isFirst = message instanceof PreKeySignalMessage;
        try {
            return this.<R, Exception>run(LockKeys.ofDevice(remote), transactionOptions, (signal, tx) -> {
                if (isFirst) {
                    signal.replaceDamagedSessions();
                }
                byte[] plaintext = decrypt(ciphers.cipher(signal, remote), message);
                return work.run(new ReceivedMessage(plaintext, signal.identityStatus()), tx);
            });
        } catch (DuplicateMessageException
                | InvalidMessageException
                | InvalidVersionException
                | InvalidKeyIdException
                | InvalidKeyException
                | NoSessionException
                | UntrustedIdentityException
                | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            @SuppressWarnings("unchecked") // libsignal declares no other checked exception, so it is one of the work
            X ofWork = (X) e;
            throw ofWork;
        }
    }

    /**
     * Work with the cipher of a session.
     *
     * @param <R> the type of the result
     */
    interface CipherWork<R> {
        R run(SessionCipher cipher, Transaction tx) throws NoSessionException, UntrustedIdentityException;
    }

    private static byte[] decrypt(SessionCipher cipher, CiphertextMessage message) throws Exception {
        if (message instanceof PreKeySignalMessage first) {
            return cipher.decrypt(first);
        }
        if (message instanceof SignalMessage later) {
            return cipher.decrypt(later);
        }
        throw new IllegalArgumentException(
                "message must be a PreKeySignalMessage or a SignalMessage, was of type " + message.getType());
    }

    /** Runs work of libsignal, or of the application, in one transaction, then reports if it has used a pre-key. */
    <R, X extends Exception> R run(String lockKey, TransactionOptions options, ProtocolWork<R, X> work) throws X {
        return run(Set.of(lockKey), options, work);
    }

    /** Runs work while holding several locks; otherwise like {@link #run(String, TransactionOptions, ProtocolWork)}. */
    <R, X extends Exception> R run(Set<String> lockKeys, TransactionOptions options, ProtocolWork<R, X> work) throws X {
        Objects.requireNonNull(options, "options");
        Objects.requireNonNull(work, "work");
        AtomicBoolean usedPreKey = new AtomicBoolean();
        R result = account.transaction(lockKeys, options, tx -> {
            KeystoreSignalProtocolStore signal = in(tx);
            R returned = work.run(signal, tx);
            usedPreKey.set(signal.hasUsedPreKey());
            return returned;
        });
        if (usedPreKey.get()) {
            account.reportPreKeys();
        }
        return result;
    }

    /** Returns libsignal's stores over a transaction. */
    KeystoreSignalProtocolStore in(Transaction tx) {
        return new KeystoreSignalProtocolStore(tx, options);
    }

    /** Returns libsignal's stores for work that starts a new session, even if the stored one is damaged. */
    KeystoreSignalProtocolStore replacingDamaged(Transaction tx) {
        KeystoreSignalProtocolStore signal = in(tx);
        signal.replaceDamagedSessions();
        return signal;
    }

    static AssertionError undeclared(Exception e) {
        return new AssertionError("libsignal threw a checked exception that it does not declare", e);
    }
}
