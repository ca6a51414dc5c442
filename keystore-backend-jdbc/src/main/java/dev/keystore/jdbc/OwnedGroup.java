package dev.keystore.jdbc;

import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A group of the usual form: each of its contexts has an owner, and none is cleared.
 *
 * @param lastOfContexts the last batch of each context
 * @param rows the rows that it changes
 */
record OwnedGroup(List<Batch> lastOfContexts, RowChanges rows) {

    /** Returns a group in this form, or empty if it is not of this form. */
    static Optional<OwnedGroup> of(List<Batch> group) {
        Map<String, Batch> last = new LinkedHashMap<>();
        RowChanges rows = new RowChanges();
        for (Batch batch : group) {
            Batch former = last.put(batch.context(), batch);
            boolean owned = batch.epoch() != 0 && (former == null || former.epoch() == batch.epoch());
            if (!owned) {
                return Optional.empty();
            }
            for (Mutation mutation : batch.mutations()) {
                if (!rows.add(batch.context(), mutation)) {
                    return Optional.empty();
                }
            }
        }
        return Optional.of(new OwnedGroup(List.copyOf(last.values()), rows));
    }
}
