package dev.keystore;

import java.util.Comparator;

/**
 * How far a context has come: the last commit that was written to it (R81). Each commit raises the position; reading,
 * opening and taking a context over do not.
 *
 * <p>Positions of one context in one store are comparable: of two copies, the one with the higher position holds
 * commits that the other one lacks, unless both were written to after they were copied. Positions of different contexts
 * or stores are not comparable. Sequences may have gaps, so the difference of two sequences is at least the number of
 * commits between them.
 *
 * @param epoch the epoch in which the last commit was written; 0 on a backend without epochs
 * @param sequence the number of the last commit, at least 1; it may start over with each epoch
 */
public record ContextPosition(long epoch, long sequence) implements Comparable<ContextPosition> {

    private static final Comparator<ContextPosition> ORDER =
            Comparator.comparingLong(ContextPosition::epoch).thenComparingLong(ContextPosition::sequence);

    /** Compares epochs, then sequences. */
    @Override
    public int compareTo(ContextPosition other) {
        return ORDER.compare(this, other);
    }

    /** Returns epoch and sequence, separated by a colon. */
    @Override
    public String toString() {
        return epoch + ":" + sequence;
    }
}
