package dev.keystore.mapdb;

import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** A mutation in a context, as the journal holds it. */
sealed interface Change {

    /** Saves an entry. */
    record Put(byte[] key, byte[] value) implements Change {}

    /** Deletes an entry, if it exists. */
    record Delete(byte[] key) implements Change {}

    /** Deletes the entries of a context, except those of some types. */
    record Clear(byte[] context, Set<String> keptTypes) implements Change {}

    /** The bytes that each change takes in addition to its key and value, in memory and in MapDB's file. */
    long OVERHEAD_BYTES = 64;

    /** Returns the changes of a group, in order. The values are not copied. */
    static List<Change> of(List<Batch> group) {
        List<Change> changes = new ArrayList<>();
        for (Batch batch : group) {
            for (Mutation mutation : batch.mutations()) {
                changes.add(of(batch.context(), mutation));
            }
        }
        return changes;
    }

    /** Returns the approximate size of changes, in bytes, which is no less than what the journal needs for them. */
    static long bytes(List<Change> changes) {
        long bytes = 0;
        for (Change change : changes) {
            bytes += OVERHEAD_BYTES + change.bytes();
        }
        return bytes;
    }

    /** Returns the change with a copy of its value, if it has one. */
    default Change copy() {
        return this instanceof Put put ? new Put(put.key, put.value.clone()) : this;
    }

    /** Returns the size of its key and value, in bytes. */
    default long bytes() {
        if (this instanceof Put put) {
            return (long) put.key.length + put.value.length;
        }
        return this instanceof Delete delete ? delete.key.length : ((Clear) this).context.length;
    }

    private static Change of(String context, Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            return new Put(StoredKey.of(context, put.type(), put.id()), put.value());
        }
        if (mutation instanceof Mutation.Delete delete) {
            return new Delete(StoredKey.of(context, delete.type(), delete.id()));
        }
        return new Clear(StoredKey.ofContext(context), ((Mutation.Clear) mutation).keptTypes());
    }
}
