package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.testkit.DiskChange.Create;
import dev.keystore.testkit.DiskChange.ForceBegin;
import dev.keystore.testkit.DiskChange.ForceEnd;
import dev.keystore.testkit.DiskChange.Rename;
import dev.keystore.testkit.DiskChange.Resize;
import dev.keystore.testkit.DiskChange.Write;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class SimulatedDiskTest {

    private static final int FILE = 1;
    private static final DiskName NAME = new DiskName(SimulatedDisk.ROOT, "log");
    private static final List<DiskChange> CREATED =
            List.of(new Create(FILE, NAME, false), write("old"), begin(1, FILE), end(1), begin(2, 0), end(2));

    @Test
    @DisplayName("forced data survives every power loss")
    void after_forced_isThere() {
        assertThat(contents(CREATED, DiskLoss.Ordering.UNORDERED)).containsExactly("old");
    }

    @Test
    @DisplayName("data that was not forced may survive or be lost")
    void after_notForced_isEither() {
        assertThat(contents(with(write("new")), DiskLoss.Ordering.UNORDERED)).containsExactly("new", "old");
    }

    @Test
    @DisplayName("data that was written during an fsync may be lost")
    void after_writtenWhileForcing_isEither() {
        assertThat(contents(with(begin(3, FILE), write("new"), end(3)), DiskLoss.Ordering.UNORDERED))
                .containsExactly("new", "old");
    }

    @Test
    @DisplayName("an fsync after a failed one covers only data that was written again")
    void after_failedForce_isEitherUntilWrittenAgain() {
        List<DiskChange> failed = with(write("new"), begin(3, FILE), new ForceEnd(3, false), begin(4, FILE), end(4));
        assertThat(contents(failed, DiskLoss.Ordering.UNORDERED)).containsExactly("new", "old");

        List<DiskChange> again = new ArrayList<>(failed);
        again.addAll(List.of(write("new"), begin(5, FILE), end(5)));
        assertThat(contents(again, DiskLoss.Ordering.UNORDERED)).containsExactly("new");
    }

    @Test
    @DisplayName("a file that grows may contain zeros in the unordered model, but not on ext4")
    void after_appended_hasZerosWhereUnordered() {
        Resize shorter = new Resize(FILE, 0);
        List<DiskChange> grown = with(shorter, begin(3, FILE), end(3), write("new"));

        assertThat(contents(grown, DiskLoss.Ordering.UNORDERED)).containsExactly("", "\0\0\0", "new");
        assertThat(contents(grown, DiskLoss.Ordering.ORDERED)).containsExactly("", "new");
    }

    @Test
    @DisplayName("a name whose folder was not forced may be lost; on ext4, forcing the file keeps it")
    void after_fileForcedOnly_mayHaveNoName() {
        List<DiskChange> created = List.of(new Create(FILE, NAME, false), write("new"), begin(1, FILE), end(1));

        assertThat(contents(created, DiskLoss.Ordering.UNORDERED)).containsExactly("absent", "new");
        assertThat(contents(created, DiskLoss.Ordering.ORDERED)).containsExactly("new");
    }

    @Test
    @DisplayName("a rename that was not forced leaves the old file or the new one, never neither")
    void after_renamed_isEither() {
        DiskName temporary = new DiskName(SimulatedDisk.ROOT, "log.new");
        List<DiskChange> renamed = with(
                new Create(2, temporary, false),
                new Write(2, 0, "new".getBytes(StandardCharsets.UTF_8)),
                begin(3, 2),
                end(3),
                new Rename(temporary, NAME));

        assertThat(contents(renamed, DiskLoss.Ordering.UNORDERED)).containsExactly("new", "old");
        assertThat(contents(renamed, DiskLoss.Ordering.ORDERED)).containsExactly("new", "old");
    }

    /** Returns what the file holds after each kind of loss. */
    private static Set<String> contents(List<DiskChange> changes, DiskLoss.Ordering model) {
        SimulatedDisk disk = SimulatedDisk.after(changes);
        Set<String> contents = new TreeSet<>();
        for (DiskLoss.NameChanges names : DiskLoss.NameChanges.values()) {
            for (DiskLoss.DataChanges data : DiskLoss.DataChanges.values()) {
                for (int seed = 0; seed < 40; seed++) {
                    Optional<DiskImage.Content> file = disk.after(new DiskLoss(model, names, data, seed))
                            .nodes()
                            .getOrDefault("log", Optional.empty());
                    contents.add(file.map(content -> new String(content.bytes(), StandardCharsets.UTF_8))
                            .orElse("absent"));
                }
            }
        }
        return contents;
    }

    private static List<DiskChange> with(DiskChange... further) {
        List<DiskChange> changes = new ArrayList<>(CREATED);
        changes.addAll(List.of(further));
        return changes;
    }

    private static Write write(String text) {
        return new Write(FILE, 0, text.getBytes(StandardCharsets.UTF_8));
    }

    private static ForceBegin begin(int force, int node) {
        return new ForceBegin(force, node);
    }

    private static ForceEnd end(int force) {
        return new ForceEnd(force, true);
    }
}
