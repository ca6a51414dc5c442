package dev.keystore.bench.read;

import com.google.common.cache.Cache;
import com.google.common.cache.CacheBuilder;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

final class GuavaRead implements ReadPeer {

    private final Cache<RecordKey, byte[]> values;

    /** Uses one segment: several would divide the budget, and one could evict while others have room. */
    GuavaRead(long budgetBytes) {
        this.values = CacheBuilder.newBuilder()
                .concurrencyLevel(1)
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
        return value == null ? null : value.clone();
    }

    @Override
    public Map<String, byte[]> several(List<String> ids) {
        List<RecordKey> keys = ids.stream().map(RecordKey::of).toList();
        Map<String, byte[]> found = new LinkedHashMap<>();
        values.getAllPresent(keys).forEach((key, value) -> found.put(key.id(), value.clone()));
        return found;
    }
}
