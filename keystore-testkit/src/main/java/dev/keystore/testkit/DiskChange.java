package dev.keystore.testkit;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * One change by a process to the files in a folder. Changes correspond to system calls, in the order in which the calls
 * returned.
 *
 * <p>A node is a file or a folder, independently of its current name.
 */
sealed interface DiskChange {

    /** Creates a file or folder. */
    record Create(int node, DiskName name, boolean isFolder) implements DiskChange {}

    /** Adds a name to a file. */
    record Link(int node, DiskName name) implements DiskChange {}

    /** Renames a node, and replaces the node that may have had the new name. */
    record Rename(DiskName from, DiskName to) implements DiskChange {}

    /** Removes a name. */
    record Unlink(DiskName name) implements DiskChange {}

    /** Writes bytes at a position. */
    record Write(int node, long offset, byte[] bytes) implements DiskChange {}

    /** Sets the size; bytes that are added are zeros. */
    record Resize(int node, long size) implements DiskChange {}

    /** Maps a file for writing: from now on, its bytes change without a recorded call. */
    record Mapping(int node) implements DiskChange {}

    /** Supplies the bytes of a mapped file: its final bytes, or those at the time it was last forced. */
    record Settle(int node, byte[] bytes, boolean isForced) implements DiskChange {}

    /** Begins a call that forces a node. It may not cover data written while it runs. */
    record ForceBegin(int force, int node) implements DiskChange {}

    /** Ends a call that forces a node. */
    record ForceEnd(int force, boolean isSuccess) implements DiskChange {}

    /** Is about to print a line to the parent: what the line reports has happened. */
    record Print(String line) implements DiskChange {}

    /** Describes the last {@code count} changes, the latest one first. */
    static String describeLast(int count, List<DiskChange> changes) {
        Map<Integer, String> names = new HashMap<>();
        Map<Integer, String> forces = new HashMap<>();
        List<String> descriptions = new ArrayList<>();
        for (DiskChange change : changes) {
            if (change instanceof Create create) {
                names.put(create.node(), create.name().name());
                descriptions.add("create " + create.name().name());
            } else if (change instanceof Rename rename) {
                String from = rename.from().name();
                String to = rename.to().name();
                names.replaceAll((node, name) -> name.equals(from) ? to : name);
                descriptions.add("rename " + from + " to " + to);
            } else if (change instanceof Unlink unlink) {
                descriptions.add("unlink " + unlink.name().name());
            } else if (change instanceof Write write) {
                descriptions.add("write %s at %d, %d bytes"
                        .formatted(names.get(write.node()), write.offset(), write.bytes().length));
            } else if (change instanceof Resize resize) {
                descriptions.add("resize %s to %d bytes".formatted(names.get(resize.node()), resize.size()));
            } else if (change instanceof ForceBegin begin) {
                forces.put(begin.force(), names.getOrDefault(begin.node(), "the folder"));
                descriptions.add("begin to fsync " + forces.get(begin.force()));
            } else if (change instanceof ForceEnd end) {
                descriptions.add((end.isSuccess() ? "fsync " : "a failed fsync of ") + forces.get(end.force()));
            } else if (change instanceof Print print) {
                descriptions.add("\"" + print.line() + "\"");
            }
        }
        Collections.reverse(descriptions);
        return descriptions.stream().limit(count).collect(Collectors.joining(", before that "));
    }
}
