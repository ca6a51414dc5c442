package dev.keystore.core;

import dev.keystore.EntryId;
import java.io.Serializable;
import java.util.List;
import java.util.Map;

/**
 * What a {@link StoreCopy} has done, or would do.
 *
 * <p>Its size does not grow with the number of contexts, except those that were not copied. {@link StoreCopy#onContext}
 * gets the outcome of each context, with the digests of its types.
 *
 * @param dryRun whether nothing was changed, and this is what would be done
 * @param contexts the number of contexts by their outcome; outcomes that did not occur are missing
 * @param entries the number of entries of the contexts that are in the target as they are in the source
 * @param bytes the size of the values of these entries, in bytes
 * @param notCopied the contexts that are not in the target as they are in the source
 * @serial exclude
 */
@SuppressWarnings("InvalidBlockTag") // Error Prone does not know @serial; without it, javadoc reports missing comments
public record CopyReport(
        boolean dryRun, Map<Outcome, Long> contexts, long entries, long bytes, List<ContextResult> notCopied)
        implements Serializable {

    /**
     * Creates a report. The collections are copied.
     *
     * @param dryRun whether nothing was changed
     * @param contexts the number of contexts by their outcome
     * @param entries the number of entries of the contexts that are in the target
     * @param bytes the size of their values, in bytes
     * @param notCopied the contexts that are not
     */
    public CopyReport {
        contexts = Map.copyOf(contexts);
        notCopied = List.copyOf(notCopied);
    }

    /**
     * Returns whether all contexts are in the target as they are in the source, or would be.
     *
     * @return whether {@link #notCopied} is empty
     */
    public boolean isComplete() {
        return notCopied.isEmpty();
    }

    /**
     * Returns the number of contexts with an outcome.
     *
     * @param outcome the outcome
     * @return the number
     */
    public long contexts(Outcome outcome) {
        return contexts.getOrDefault(outcome, 0L);
    }

    /**
     * What became of a context; in a dry run, what would become of it. If a context was not moved, the target may hold
     * an unfinished copy of it, which it refuses to open; then the reason says so.
     */
    public enum Outcome {
        /** It was written to the target, which held no entry of it, and verified. */
        COPIED(true),
        /** The target held other entries of it. They were replaced, as requested, in one commit, which was verified. */
        REPLACED(true),
        /**
         * The target held the same entries, and was not changed. In a move, the context was moved there before, and the
         * target still holds entries of it; they were not compared, since they may have changed since.
         */
        ALREADY_THERE(true),
        /**
         * The target holds other entries of it, or cannot hold it; or one of the two refuses it because of a move. The
         * target was not changed.
         */
        REFUSED(false),
        /** The source holds no entry of it, although it was named. The target was not changed. */
        NOT_FOUND(false),
        /**
         * It cannot be read, in the source or in the target, as the reason says. The entries of the target were not
         * changed.
         */
        UNREADABLE(false),
        /** It was not written. The entries of the target were not changed. */
        NOT_WRITTEN(false),
        /**
         * It was written, but the target does not return what the source holds, or one of them cannot be read: the
         * source was changed meanwhile, or the target was, or the target is defective. What was written is still there.
         */
        NOT_VERIFIED(false);

        private final boolean copied;

        Outcome(boolean copied) {
            this.copied = copied;
        }

        /**
         * Returns whether the context is in the target as it is in the source.
         *
         * @return whether it is
         */
        public boolean isCopied() {
            return copied;
        }
    }

    /**
     * What became of one context.
     *
     * @param context its name; the hidden one if the true one cannot be read
     * @param outcome what was done with it, or would be
     * @param types what the source holds of each type, as far as it was read
     * @param unreadable entries of the source that cannot be read: at most the first 100
     * @param reason why it was not copied; empty if it was
     * @serial exclude
     */
    @SuppressWarnings("InvalidBlockTag")
    public record ContextResult(
            String context, Outcome outcome, Map<String, TypeDigest> types, List<EntryId> unreadable, String reason)
            implements Serializable {

        /**
         * Creates a result. The collections are copied.
         *
         * @param context the name of the context
         * @param outcome what was done with it, or would be
         * @param types what the source holds of each type
         * @param unreadable entries of the source that cannot be read
         * @param reason why it was not copied
         */
        public ContextResult {
            types = Map.copyOf(types);
            unreadable = List.copyOf(unreadable);
        }

        /**
         * Returns the number of entries of all types.
         *
         * @return the number
         */
        public long entries() {
            return types.values().stream().mapToLong(TypeDigest::entries).sum();
        }

        /**
         * Returns the size of the values of all types, in bytes.
         *
         * @return the size
         */
        public long bytes() {
            return types.values().stream().mapToLong(TypeDigest::bytes).sum();
        }
    }

    /**
     * The entries of one type in a context, as a digest. It depends on nothing but their ids and values: not on the
     * names of type and context, the backend, encryption or hidden names.
     *
     * <p>The digest is the SHA-256 of four parts for each entry, in the order of the ids ({@link String#compareTo}):
     * the length of the id in UTF-8 (4 bytes, the highest first), the id in UTF-8, the length of the value (4 bytes,
     * the highest first), and the bytes of the value, as its codec encodes it.
     *
     * @param entries the number of entries
     * @param bytes the size of their values, in bytes
     * @param sha256 the digest, as 64 hexadecimal digits in lower case
     * @serial exclude
     */
    @SuppressWarnings("InvalidBlockTag")
    public record TypeDigest(long entries, long bytes, String sha256) implements Serializable {}
}
