package dev.keystore.libsignal;

import dev.keystore.ContextNotFoundException;
import dev.keystore.EntryExistsException;
import dev.keystore.KeyReader;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.Transaction;
import dev.keystore.TransactionOptions;
import dev.keystore.TransactionWork;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The records of an account in its key store, and the transactions that depend on them.
 *
 * <p>An account consists of its {@link AccountRecord} in the credentials, and of the entries that transactions read in
 * its place, so that they do not conflict with each save of application data.
 */
final class AccountStore {

    static final TransactionOptions RETRY = TransactionOptions.retryOnConflict(5);

    private final SignalKeyStore store;
    private final AccountOptions options;

    AccountStore(SignalKeyStore store, AccountOptions options) {
        this.store = Objects.requireNonNull(store, "store");
        this.options = options;
    }

    /** Creates the records of a new account, or throws {@link EntryExistsException} if there is one already. */
    void create() {
        create(AccountRecord::generate);
    }

    /** Creates the records of an account that was registered elsewhere; otherwise like {@link #create}. */
    void create(AccountIdentity identity, NextKeyIds next) {
        Map<String, Integer> lastIds = Map.of(
                KeyTypes.PRE_KEY.name(), PreKeyIds.before(next.preKey()),
                KeyTypes.SIGNED_PRE_KEY.name(), PreKeyIds.before(next.signedPreKey()),
                KeyTypes.KYBER_PRE_KEY.name(), PreKeyIds.before(next.kyberPreKey()));
        create(() -> new AccountRecord(identity, new byte[0], lastIds));
    }

    private void create(Supplier<AccountRecord> created) {
        store.transaction(LockKeys.ACCOUNT, RETRY, tx -> {
            if (AccountRecord.find(tx).isPresent()) {
                throw new EntryExistsException(tx.context(), AccountRecord.ENTRY);
            }
            created.get().saveTo(tx);
            return Boolean.TRUE;
        });
    }

    /** Gives the account another identity, in one commit. */
    void changeIdentity(AccountIdentity identity) {
        store.transaction(Set.of(LockKeys.ACCOUNT, LockKeys.PRE_KEYS), RETRY, tx -> {
            Registration.change(tx, identity);
            return Boolean.TRUE;
        });
    }

    /** Checks that the context holds an account and brings its records up to date. */
    void open() {
        ensureSaved(() -> {
            throw new ContextNotFoundException(store.context(), "an account");
        });
    }

    /** Brings the records of the context's account up to date, or creates them if there is no account. */
    void openOrCreate() {
        ensureSaved(AccountRecord::generate);
    }

    /**
     * Writes the account's record and the entries that transactions read, unless all of them are up to date.
     *
     * @param absent returns the record to use if there is none, or throws
     */
    private void ensureSaved(Supplier<AccountRecord> absent) {
        if (isUpToDate(store)) {
            return;
        }
        store.transaction(LockKeys.ACCOUNT, RETRY, tx -> {
            if (!isUpToDate(tx)) {
                AccountRecord.find(tx).orElseGet(absent).saveTo(tx);
            }
            return Boolean.TRUE;
        });
    }

    private static boolean isUpToDate(KeyReader keys) {
        return AccountRecord.find(keys).filter(record -> record.isSavedIn(keys)).isPresent();
    }

    /**
     * Restores the entry from which transactions read the identity, if {@code clear()} has removed it. Without the
     * entry, transactions read the credentials instead and conflict with every save of application data.
     */
    private void restoreIdentity() {
        if (store.find(AccountIdentity.TYPE, AccountIdentity.ID).isEmpty()) {
            ensureSaved(() -> {
                throw AccountRecord.noAccount(store.context());
            });
        }
    }

    /** Returns the identity, or throws {@link IllegalStateException} if the account was erased. */
    AccountIdentity identity() {
        return AccountRecord.loadIdentity(store);
    }

    byte[] applicationData() {
        return applicationData(store);
    }

    static byte[] applicationData(KeyReader keys) {
        return AccountRecord.load(keys).applicationData().clone();
    }

    void saveApplicationData(byte[] data) {
        transaction(LockKeys.ACCOUNT, RETRY, tx -> {
            saveApplicationData(tx, data);
            return Boolean.TRUE;
        });
    }

    void saveApplicationData(Transaction tx, byte[] data) {
        AccountRecord.load(store); // read outside the transaction, so that its commit does not depend on it
        tx.saveCredentials(new AccountRecord(AccountRecord.loadIdentity(tx), data).encode());
    }

    <R> R generate(Function<PreKeyFactory, R> generator) {
        R generated = transaction(LockKeys.PRE_KEYS, RETRY, tx -> generator.apply(factory(tx)));
        report(this::reportCounts);
        return generated;
    }

    PreKeyFactory factory(Transaction tx) {
        return new PreKeyFactory(tx, store, options.clock());
    }

    /** Returns whether the account was restored from a backup, and its upload was not confirmed. */
    boolean isRestored() {
        return Restored.isSet(store);
    }

    /** Runs upkeep of pre-keys in one transaction. */
    <R> R upkeep(Function<PreKeyLifecycle, R> upkeep) {
        return transaction(LockKeys.PRE_KEYS, RETRY, tx -> upkeep.apply(new PreKeyLifecycle(tx, factory(tx), options)));
    }

    void confirmUpload(PreKeyUpload upload) {
        reportedUpkeep(keys -> {
            keys.confirm(upload);
            return Boolean.TRUE;
        });
    }

    void uploadFailed(PreKeyUpload upload) {
        upkeep(keys -> {
            keys.fail(upload);
            return Boolean.TRUE;
        });
    }

    /** Runs upkeep that may change pre-keys, then reports how many are left. */
    <R> R reportedUpkeep(Function<PreKeyLifecycle, R> upkeep) {
        R result = upkeep(upkeep);
        report(this::reportCounts);
        return result;
    }

    /** Counts the pre-keys that are left. It does not wait for upkeep, and conflicts with none. */
    PreKeyCounts counts() {
        return transaction(LockKeys.COUNTS, RETRY, tx -> new PreKeyLifecycle(tx, factory(tx), options).counts());
    }

    /** Calls the listeners after a transaction has used a one-time pre-key. */
    void reportPreKeys() {
        report(this::reportCounts);
        options.onPreKeysLow()
                .ifPresent(listener -> report(() -> {
                    PreKeyCounts left = counts();
                    if (Math.min(left.preKeys(), left.kyberPreKeys()) < options.preKeyFloor()) {
                        listener.accept(left);
                    }
                }));
    }

    private void reportCounts() {
        options.listener().ifPresent(listener -> {
            PreKeyCounts left = counts();
            listener.onPreKeysCounted(
                    left.preKeys(), left.signedPreKeys(), left.kyberPreKeys(), left.lastResortKyberPreKeys());
        });
    }

    /**
     * Runs what reports something. A failure must not reach the caller instead of a result that is committed, such as a
     * message that cannot be decrypted again.
     */
    private static void report(Runnable reporting) {
        try {
            reporting.run();
        } catch (RuntimeException | Error e) {
            Thread thread = Thread.currentThread();
            thread.getUncaughtExceptionHandler().uncaughtException(thread, e);
        }
    }

    /** Returns a view of what is committed. */
    KeyReader reader() {
        return store.readOnly();
    }

    /** Runs a transaction that can read the identity from its entry. */
    <R, X extends Exception> R transaction(String lockKey, TransactionOptions options, TransactionWork<R, X> work)
            throws X {
        return transaction(Set.of(lockKey), options, work);
    }

    /** Runs a transaction that can read the identity from its entry, while holding several locks. */
    <R, X extends Exception> R transaction(Set<String> lockKeys, TransactionOptions options, TransactionWork<R, X> work)
            throws X {
        restoreIdentity();
        return store.transaction(lockKeys, options, work);
    }
}
