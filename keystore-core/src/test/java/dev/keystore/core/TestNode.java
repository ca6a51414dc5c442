package dev.keystore.core;

/** A node of the cache with a value and a weight. */
class TestNode<T> extends CacheNode {

    final T value;
    private final int weight;

    TestNode(EntryKey key, T value, int weight) {
        super(key);
        this.value = value;
        this.weight = weight;
    }

    @Override
    int weight() {
        return weight;
    }
}
