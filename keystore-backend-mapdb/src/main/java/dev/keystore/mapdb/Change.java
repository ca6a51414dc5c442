package dev.keystore.mapdb;

import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** A mutation of one of the contexts, as the journal holds it. */
sealed interface Change {

    /** Saves an entry. */
    record Put(byte[] key, byte[] value) implements Change {}

    /** Deletes an entry, if it is there. */
    record Delete(byte[] key) implements Change {}

    /** Deletes the entries of a context, but for those of some types. */
    record Clear(byte[] context, Set<String> keptTypes) implements Change {}

    /** Returns the mutations of a group, in their order. */
    static List<Change> of(List<Batch> group) {
        List<Change> changes = new ArrayList<>();
        for (Batch batch : group) {
            for (Mutation mutation : batch.mutations()) {
                changes.add(of(batch.context(), mutation));
            }
        }
        return changes;
    }

    /** Returns about how many bytes changes have. */
    static long bytes(List<Change> changes) {
        long bytes = 0;
        for (Change change : changes) {
            bytes += change instanceof Put put ? put.key.length + put.value.length : 0;
        }
        return bytes;
    }

    private static Change of(String context, Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            return new Put(EntryKey.of(context, put.type(), put.id()), put.value());
        }
        if (mutation instanceof Mutation.Delete delete) {
            return new Delete(EntryKey.of(context, delete.type(), delete.id()));
        }
        return new Clear(EntryKey.ofContext(context), ((Mutation.Clear) mutation).keptTypes());
    }
}
