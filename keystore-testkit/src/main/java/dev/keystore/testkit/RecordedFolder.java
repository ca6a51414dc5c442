package dev.keystore.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** The record of one folder: its current names and sizes, and all changes so far. */
final class RecordedFolder {

    /** Shared arrays of zeros, since files are often filled with zeros first: this saves most of the memory. */
    private static final Map<Integer, byte[]> ZEROS = new ConcurrentHashMap<>();

    private final Map<DiskName, Integer> names = new HashMap<>();
    private final Map<Integer, Long> sizes = new HashMap<>();
    private final List<DiskChange> changes = new ArrayList<>();
    private int nodes = SimulatedDisk.ROOT;
    private boolean cutShort;

    /** Creates a record that starts with the content of a disk. */
    RecordedFolder(SimulatedDisk disk) {
        Map<String, Optional<DiskImage.Content>> contents = disk.cached().nodes();
        Map<String, Integer> paths = disk.paths();
        paths.forEach((path, node) -> {
            int slash = path.lastIndexOf('/');
            int folder = slash < 0 ? SimulatedDisk.ROOT : paths.getOrDefault(path.substring(0, slash), -1);
            names.put(new DiskName(folder, path.substring(slash + 1)), node);
            contents.getOrDefault(path, Optional.empty()).ifPresent(content -> sizes.put(node, content.size()));
        });
        nodes = Math.max(nodes, disk.lastNode());
    }

    List<DiskChange> changes() {
        return changes;
    }

    /** Returns whether the process ended within a call whose effect is unknown. */
    boolean isCutShort() {
        return cutShort;
    }

    void cutShort() {
        cutShort = true;
    }

    /** Returns the name that a path leads to, which may be unused; empty if its folder does not exist. */
    Optional<DiskName> name(int folder, List<String> path) {
        int at = folder;
        for (String name : path.subList(0, path.size() - 1)) {
            Integer next = names.get(new DiskName(at, name));
            if (next == null) {
                return Optional.empty();
            }
            at = next;
        }
        return Optional.of(new DiskName(at, path.get(path.size() - 1)));
    }

    Optional<Integer> node(DiskName name) {
        return Optional.ofNullable(names.get(name));
    }

    long size(int node) {
        return sizes.getOrDefault(node, 0L);
    }

    int create(DiskName name, boolean isFolder) {
        int node = ++nodes;
        names.put(name, node);
        if (!isFolder) {
            sizes.put(node, 0L);
        }
        changes.add(new DiskChange.Create(node, name, isFolder));
        return node;
    }

    void link(int node, DiskName name) {
        names.put(name, node);
        changes.add(new DiskChange.Link(node, name));
    }

    void rename(DiskName from, DiskName to) {
        Optional.ofNullable(names.remove(from)).ifPresent(node -> names.put(to, node));
        changes.add(new DiskChange.Rename(from, to));
    }

    void unlink(DiskName name) {
        names.remove(name);
        changes.add(new DiskChange.Unlink(name));
    }

    void write(int node, long offset, byte[] bytes, int length) {
        sizes.merge(node, offset + length, Math::max);
        byte[] written = length == bytes.length ? bytes : Arrays.copyOf(bytes, length);
        changes.add(new DiskChange.Write(node, offset, isZero(written) ? zeros(length) : written));
    }

    private static byte[] zeros(int length) {
        return ZEROS.computeIfAbsent(length, byte[]::new);
    }

    private static boolean isZero(byte[] bytes) {
        for (byte each : bytes) {
            if (each != 0) {
                return false;
            }
        }
        return true;
    }

    void resize(int node, long size) {
        if (size(node) != size) {
            sizes.put(node, size);
            changes.add(new DiskChange.Resize(node, size));
        }
    }

    void add(DiskChange change) {
        changes.add(change);
    }
}
