package dev.keystore.core;

/**
 * How far an operation of {@link StoreEncryption} has come.
 *
 * @param contexts the number of contexts that are done
 * @param allContexts the number of contexts that the store had when the operation began
 * @param entries the number of entries that were looked at
 * @param rewritten the number of entries among them that were encrypted, encrypted again, or decrypted
 * @param unreadable the number of entries among them that cannot be read
 */
public record EncryptionProgress(long contexts, long allContexts, long entries, long rewritten, long unreadable) {}
