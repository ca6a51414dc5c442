package dev.keystore.core;

import static dev.keystore.core.StoreEntry.ANCHORED;
import static dev.keystore.core.StoreEntry.ID;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The random id of a store (R81). It is in a {@link StoreEntry}, or else in the mark. So a store keeps its id when it
 * is encrypted or decrypted. The target of a restore gets another id.
 */
final class StoreId {

    private static final Logger LOG = LoggerFactory.getLogger(StoreId.class);
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final int BYTES = 16;

    private final Storage storage;
    private final @Nullable SealedStore encrypted;
    private final String context;
    private volatile @Nullable String id;

    StoreId(Storage storage, @Nullable SealedStore encrypted) {
        this.storage = storage;
        this.encrypted = encrypted;
        this.context = storage.contextOfMark();
    }

    /**
     * Returns the id in hexadecimal digits, and creates it if the store has none; empty if it has none and cannot be
     * written.
     *
     * @throws dev.keystore.LoadFailedException if the backend failed to read it
     * @throws dev.keystore.CorruptEntryException if it is damaged
     */
    Optional<String> get() {
        String known = id;
        if (known == null) {
            known = find();
            if (known == null && create(ID, random())) {
                known = find();
            }
            id = known;
        }
        return Optional.ofNullable(known);
    }

    /** Returns the id, and creates none; empty if the store has none. Throws as {@link #get} does. */
    Optional<String> known() {
        String known = id;
        return Optional.ofNullable(known == null ? find() : known);
    }

    /**
     * Gives the store another id, also if it is encrypted and had that of its mark. An anchor has no record of it yet.
     *
     * @throws dev.keystore.StoreOpenException if the backend failed
     */
    void renew(Attempts attempts) {
        byte[] next = random();
        StoreEntry entry = new StoreEntry(storage, ID);
        attempts.of("the id of the store to be written", "The id of the store could not be written", () -> {
            new StoreEntry(storage, ANCHORED).write(null);
            entry.write(record(storage, next));
            return entry;
        });
        id = HexFormat.of().formatHex(next);
    }

    /** Reads the entry from the backend, even if the id is known; throws as {@link Storage#read} does. */
    void checkReadable() {
        new StoreEntry(storage, ID).read();
    }

    /** Creates the id if the store has none and can be written. Otherwise does nothing, as the store can be read. */
    void createIfAbsent() {
        if (encrypted == null) {
            try {
                get();
            } catch (KeyStoreException e) {
                LOG.debug("The id of the store could not be read", e);
            }
        }
    }

    private @Nullable String find() {
        byte[] record = new StoreEntry(storage, ID).read();
        if (record != null) {
            return HexFormat.of().formatHex(open(record));
        }
        return encrypted == null
                ? null
                : HexFormat.of().formatHex(encrypted.sealing().storeId());
    }

    private byte[] open(byte[] record) {
        try {
            return Envelope.open(context, ID.type(), ID.id(), record);
        } catch (IllegalArgumentException e) {
            throw new CorruptEntryException(context, ID, String.valueOf(e.getMessage()), e);
        }
    }

    private static byte[] random() {
        byte[] created = new byte[BYTES];
        RANDOM.nextBytes(created);
        return created;
    }

    /** Returns whether the store has had a freshness anchor; false if that is not known. */
    boolean isAnchored() {
        try {
            return new StoreEntry(storage, ANCHORED).read() != null;
        } catch (KeyStoreException e) {
            LOG.debug("It is not known whether the store has had a freshness anchor", e);
            return false; // a damaged store is listed as far as it can be read
        }
    }

    /**
     * Returns whether the store has had a freshness anchor.
     *
     * @throws dev.keystore.StoreOpenException if that cannot be read
     */
    boolean isAnchored(Attempts attempts) {
        return attempts.of(
                "the store to be read",
                "The store could not be opened, since it is unknown whether it has had a freshness anchor",
                () -> new StoreEntry(storage, ANCHORED).load() != null);
    }

    /** Records that the store has a freshness anchor, which holds a record of it, if the store can be written. */
    void markAnchored() {
        if (!isAnchored()) {
            create(ANCHORED, new byte[0]);
        }
    }

    /** Returns false if an entry could not be written, but not if another process has written it in the meantime. */
    private boolean create(EntryId entry, byte[] value) {
        byte[] record = Envelope.seal(context, entry.type(), entry.id(), value);
        try {
            new StoreEntry(storage, entry).replace(null, record);
            return true;
        } catch (ClosedException e) {
            throw e;
        } catch (RuntimeException e) {
            LOG.debug("Entry {} of the store could not be written", entry, e);
            return false;
        }
    }

    /** Returns an id as it is stored. */
    static byte[] record(Storage storage, byte[] id) {
        return record(storage.contextOfMark(), id);
    }

    /** Returns an id as it is stored in a context. */
    static byte[] record(String context, byte[] id) {
        return Envelope.seal(context, ID.type(), ID.id(), id);
    }
}
