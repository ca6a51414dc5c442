package dev.keystore.testkit;

import dev.keystore.spi.Batch;
import java.util.AbstractList;
import java.util.List;

/** A group of batches that throws once its first half, rounded up, has been read. */
final class BrokenGroup extends AbstractList<Batch> {

    private final List<Batch> firstHalf;
    private final RuntimeException failure;

    BrokenGroup(List<Batch> group, RuntimeException failure) {
        this.firstHalf = List.copyOf(group.subList(0, (group.size() + 1) / 2));
        this.failure = failure;
    }

    @Override
    public Batch get(int index) {
        if (index >= firstHalf.size()) {
            throw failure;
        }
        return firstHalf.get(index);
    }

    @Override
    public int size() {
        return firstHalf.size() + 1;
    }
}
