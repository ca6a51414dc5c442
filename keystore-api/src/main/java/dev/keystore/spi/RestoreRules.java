package dev.keystore.spi;

import dev.keystore.EntryId;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Says what a restore does with entries whose form only their author knows (R84). Found through
 * {@link java.util.ServiceLoader}.
 *
 * <p>A backup is older than the store that was lost. Since it was taken, keys in it may have been used, and ids issued.
 * So a restore drops the entries whose second use would do harm, and changes those that count what was issued. Of the
 * entries that no rules apply to, it drops those of the types {@code session}, {@code pre-key}, {@code sender-key} and
 * {@code sender-key-memory}, and keeps all others as they are.
 *
 * <p>When a restore that was killed continues, it compares what it has restored. The methods must therefore return the
 * same result for the same arguments.
 */
public interface RestoreRules {

    /**
     * The entries of a context in the backup.
     *
     * @param holds whether the context holds an entry
     * @param idMargin how far to advance the counters of ids, so that no id is issued again that was issued after the
     *     backup was taken; at least 1
     */
    record BackedUp(Predicate<EntryId> holds, int idMargin) {}

    /**
     * Returns whether these rules apply to an entry. If the rules of two providers apply, the restore fails.
     *
     * @param entry the type and the id of the entry
     * @return whether {@link #keeps} and {@link #restored} are called; otherwise the default applies
     */
    boolean applyTo(EntryId entry);

    /**
     * Returns whether an entry is restored. If not, its value is not read.
     *
     * @param entry an entry that these rules apply to
     * @param context the entries of its context
     * @return false if it is dropped
     */
    boolean keeps(EntryId entry, BackedUp context);

    /**
     * Returns the value that an entry is restored with.
     *
     * @param entry an entry that is kept
     * @param value its value in the backup; not changed
     * @param context the entries of its context
     * @return the value; {@code value} itself if it stays
     * @throws IllegalArgumentException if the value is not readable; the context is not restored, and the message is
     *     the reason
     */
    byte[] restored(EntryId entry, byte[] value, BackedUp context);

    /**
     * Returns entries that a restore adds to a context, for example so that its owner learns of the restore.
     *
     * @param context the entries of the context
     * @return the values by entry; an entry that the backup holds is ignored
     */
    default Map<EntryId, byte[]> added(BackedUp context) {
        return Map.of();
    }
}
