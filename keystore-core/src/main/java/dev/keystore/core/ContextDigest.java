package dev.keystore.core;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import com.google.common.primitives.Ints;
import dev.keystore.EntryId;
import dev.keystore.core.CopyReport.TypeDigest;
import java.util.LinkedHashMap;
import java.util.Map;

/** The digests of the entries of a context, by type, as {@link TypeDigest} defines them. */
final class ContextDigest implements PlainSnapshot.Pages {

    private static final class Type {

        private final Hasher hasher = Hashing.sha256().newHasher();
        private long entries;
        private long bytes;

        void add(byte[] id, byte[] value) {
            hasher.putBytes(Ints.toByteArray(id.length)).putBytes(id);
            hasher.putBytes(Ints.toByteArray(value.length)).putBytes(value);
            entries++;
            bytes += value.length;
        }

        TypeDigest digest() {
            return new TypeDigest(entries, bytes, hasher.hash().toString());
        }
    }

    private final Map<String, Type> types = new LinkedHashMap<>();

    @Override
    public void begin() {
        types.clear();
    }

    @Override
    public boolean accept(Map<EntryId, byte[]> values) {
        values.forEach(this::add);
        return true;
    }

    /** Adds an entry. Those of one type come in the order of their ids. */
    void add(EntryId entry, byte[] value) {
        types.computeIfAbsent(entry.type(), type -> new Type()).add(entry.id().getBytes(UTF_8), value);
    }

    /** Returns the digests by type. Called once, at the end. */
    Map<String, TypeDigest> digests() {
        Map<String, TypeDigest> digests = new LinkedHashMap<>();
        types.forEach((type, of) -> digests.put(type, of.digest()));
        return digests;
    }
}
