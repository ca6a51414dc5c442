package dev.keystore;

import java.util.List;

/**
 * Thrown when a store could not be encrypted, decrypted or given new keys completely, since some of its entries cannot
 * be read.
 *
 * <p>Every other entry has its new form, and the store remains usable. The keys that the unreadable entries may need
 * are still in the store. {@link SignalKeyStore#verify()} lists the entries; delete them, then run the operation again.
 */
public final class RewriteIncompleteException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /** The number of entries that cannot be read. */
    private final long unreadable;

    /** The contexts that hold them. */
    private final List<String> contexts;

    /**
     * Creates an exception. The message names at most 20 contexts.
     *
     * @param operation what could not be completed, such as {@code "Encrypting the store"}
     * @param unreadable the number of entries that cannot be read
     * @param contexts the contexts that hold them; copied
     */
    public RewriteIncompleteException(String operation, long unreadable, List<String> contexts) {
        super(
                operation + " is not complete: entries that cannot be read: " + unreadable + ", in contexts "
                        + names(contexts)
                        + "; list them with verify(), delete them, and run the operation again",
                null);
        this.unreadable = unreadable;
        this.contexts = List.copyOf(contexts);
    }

    /**
     * Returns the number of entries that cannot be read.
     *
     * @return the number of entries
     */
    public long unreadable() {
        return unreadable;
    }

    /**
     * Returns the contexts that hold entries which cannot be read.
     *
     * @return the contexts, unmodifiable
     */
    public List<String> contexts() {
        return contexts;
    }
}
