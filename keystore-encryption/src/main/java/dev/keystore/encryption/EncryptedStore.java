package dev.keystore.encryption;

import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.NameHiding;
import dev.keystore.spi.StoreSealing;
import java.util.Optional;

/** The opened keys of one store, and its mark. */
final class EncryptedStore implements StoreSealing {

    private final StoreMark mark;
    private final StoreKeys keys;

    /** Creates it. It owns the keys from now on. */
    EncryptedStore(StoreMark mark, StoreKeys keys) {
        this.mark = mark;
        this.keys = keys;
    }

    @Override
    public byte[] mark() {
        return mark.toBytes();
    }

    @Override
    public byte[] storeId() {
        return keys.storeId().clone();
    }

    @Override
    public Phase phase() {
        return mark.phase();
    }

    @Override
    public StoreSealing withPhase(Phase phase) {
        StoreKeys same = keys.copy();
        return new EncryptedStore(mark.with(phase, same.keys(), same.random()), same);
    }

    @Override
    public boolean isOfBackup() {
        return mark.isOfBackup();
    }

    @Override
    public StoreSealing forBackup() {
        StoreKeys same = keys.copy();
        return new EncryptedStore(mark.ofBackup(same.keys(), same.random()), same);
    }

    @Override
    public Optional<StoreSealing> reopened(byte[] other) {
        StoreMark found = StoreMark.parse(other);
        return found.open(keys.ring()).map(opened -> new EncryptedStore(found, keys.with(opened)));
    }

    @Override
    public Optional<NameHiding> names() {
        return Optional.ofNullable(keys.names());
    }

    @Override
    public String contextOf(String hiddenContext, byte[] stored) {
        return ContextKeysRecord.contextOf(keys, hiddenContext, stored);
    }

    @Override
    public ContextSealing createContext(String context) {
        return EncryptedContext.create(keys, context);
    }

    @Override
    public ContextSealing openContext(String context, byte[] stored) {
        return EncryptedContext.open(keys, context, stored);
    }

    @Override
    public byte[] sealKeys(String context, ContextSealing opened) {
        return ((EncryptedContext) opened).sealedWith(keys);
    }

    @Override
    public boolean isSealedWithNewestKey(String context, byte[] stored) {
        return ContextKeysRecord.storeKeyId(context, stored)
                == keys.ring().newest().id();
    }

    @Override
    public int formerKeys() {
        return keys.ring().former();
    }

    @Override
    public StoreSealing withoutFormerKeys() {
        StoreKeys newest = keys.withoutFormer();
        return new EncryptedStore(mark.with(mark.phase(), newest.keys(), newest.random()), newest);
    }

    @Override
    public void retire() {
        keys.ring().close();
    }

    @Override
    public void close() {
        keys.close();
    }

    /** Returns the ids of the store and of its keys. */
    @Override
    public String toString() {
        return "EncryptedStore[" + mark + ", " + keys.ring() + "]";
    }
}
