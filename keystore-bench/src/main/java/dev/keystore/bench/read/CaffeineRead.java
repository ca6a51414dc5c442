package dev.keystore.bench.read;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

final class CaffeineRead implements ReadPeer {

    private final Cache<RecordKey, byte[]> values;
    private final boolean copies;

    CaffeineRead(long budgetBytes, boolean copies) {
        this.copies = copies;
        this.values = Caffeine.newBuilder()
                .maximumWeight(budgetBytes)
                .weigher((RecordKey key, byte[] value) ->
                        HotEntries.WEIGHT_BYTES - HotEntries.VALUE_BYTES + value.length)
                .build();
    }

    @Override
    public void fill(Collection<String> ids) {
        ids.forEach(id -> values.put(RecordKey.of(id), HotEntries.value(id)));
    }

    @Override
    public byte @Nullable [] one(String id) {
        byte[] value = values.getIfPresent(RecordKey.of(id));
        return value == null ? null : copy(value);
    }

    @Override
    public Map<String, byte[]> several(List<String> ids) {
        List<RecordKey> keys = ids.stream().map(RecordKey::of).toList();
        Map<String, byte[]> found = new LinkedHashMap<>();
        values.getAllPresent(keys).forEach((key, value) -> found.put(key.id(), copy(value)));
        return found;
    }

    private byte[] copy(byte[] value) {
        return copies ? value.clone() : value;
    }
}
