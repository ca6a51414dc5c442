package dev.keystore.bench.read;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

final class MapRead implements ReadPeer {

    private final ConcurrentHashMap<RecordKey, byte[]> values = new ConcurrentHashMap<>();
    private final boolean copies;

    MapRead(boolean copies) {
        this.copies = copies;
    }

    @Override
    public void fill(Collection<String> ids) {
        ids.forEach(id -> values.put(RecordKey.of(id), HotEntries.value(id)));
    }

    @Override
    public byte @Nullable [] one(String id) {
        byte[] value = values.get(RecordKey.of(id));
        return value != null && copies ? value.clone() : value;
    }

    @Override
    public Map<String, byte[]> several(List<String> ids) {
        Map<String, byte[]> found = new LinkedHashMap<>();
        for (String id : ids) {
            byte[] value = one(id);
            if (value != null) {
                found.put(id, value);
            }
        }
        return found;
    }
}
