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
    @DisplayName("what was forced is there after every loss")
    void after_forced_isThere() {
        assertThat(contents(CREATED, DiskLoss.Model.UNORDERED)).containsExactly("old");
    }

    @Test
    @DisplayName("what was not forced is there or not")
    void after_notForced_isEither() {
        assertThat(contents(with(write("new")), DiskLoss.Model.UNORDERED)).containsExactly("new", "old");
    }

    @Test
    @DisplayName("what was written while a file was being forced may not be covered")
    void after_writtenWhileForcing_isEither() {
        assertThat(contents(with(begin(3, FILE), write("new"), end(3)), DiskLoss.Model.UNORDERED))
                .containsExactly("new", "old");
    }

    @Test
    @DisplayName("what a failed force lost, the next one does not write; what is written again, it does")
    void after_failedForce_isEitherUntilWrittenAgain() {
        List<DiskChange> failed = with(write("new"), begin(3, FILE), new ForceEnd(3, false), begin(4, FILE), end(4));
        assertThat(contents(failed, DiskLoss.Model.UNORDERED)).containsExactly("new", "old");

        List<DiskChange> again = new ArrayList<>(failed);
        again.addAll(List.of(write("new"), begin(5, FILE), end(5)));
        assertThat(contents(again, DiskLoss.Model.UNORDERED)).containsExactly("new");
    }

    @Test
    @DisplayName("a file grows with zeros in it where nothing is ordered, and not on ext4")
    void after_appended_hasZerosWhereUnordered() {
        Resize shorter = new Resize(FILE, 0);
        List<DiskChange> grown = with(shorter, begin(3, FILE), end(3), write("new"));

        assertThat(contents(grown, DiskLoss.Model.UNORDERED)).containsExactly("", "\0\0\0", "new");
        assertThat(contents(grown, DiskLoss.Model.ORDERED)).containsExactly("", "new");
    }

    @Test
    @DisplayName("a name that was not forced with its folder may be missing; on ext4, forcing the file keeps it")
    void after_fileForcedOnly_mayHaveNoName() {
        List<DiskChange> created = List.of(new Create(FILE, NAME, false), write("new"), begin(1, FILE), end(1));

        assertThat(contents(created, DiskLoss.Model.UNORDERED)).containsExactly("absent", "new");
        assertThat(contents(created, DiskLoss.Model.ORDERED)).containsExactly("new");
    }

    @Test
    @DisplayName("a rename that was not forced leaves the old file or the new one, never none")
    void after_renamed_isEither() {
        DiskName temporary = new DiskName(SimulatedDisk.ROOT, "log.new");
        List<DiskChange> renamed = with(
                new Create(2, temporary, false),
                new Write(2, 0, "new".getBytes(StandardCharsets.UTF_8)),
                begin(3, 2),
                end(3),
                new Rename(temporary, NAME));

        assertThat(contents(renamed, DiskLoss.Model.UNORDERED)).containsExactly("new", "old");
        assertThat(contents(renamed, DiskLoss.Model.ORDERED)).containsExactly("new", "old");
    }

    /** Returns what the file holds after each kind of loss. */
    private static Set<String> contents(List<DiskChange> changes, DiskLoss.Model model) {
        SimulatedDisk disk = SimulatedDisk.after(changes);
        Set<String> contents = new TreeSet<>();
        for (DiskLoss.Names names : DiskLoss.Names.values()) {
            for (DiskLoss.Data data : DiskLoss.Data.values()) {
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
