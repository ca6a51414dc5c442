package dev.keystore.testkit;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * The disk of one folder while processes change it: the content that processes see, and the content that may be left
 * after power loss.
 *
 * <p>A name is durable once its folder has been forced. With {@link DiskLoss.Ordering#ORDERED}, forcing a file also
 * makes its names and all earlier changes of names durable. A rename within a folder is atomic; a rename between two
 * folders is atomic only with that ordering. The root folder itself is durable.
 */
final class SimulatedDisk {

    /** The node of the root folder. */
    static final int ROOT = 0;

    private static final int NO_NODE = -1;

    /** A change of names in one folder, which persists atomically. */
    private record NameChange(long time, int folder, List<Edit> edits, boolean isForced) {

        NameChange forced() {
            return new NameChange(time, folder, edits, true);
        }
    }

    /** Adds a name to a node, or removes it. */
    private record Edit(String name, int node, boolean isRemoval) {}

    /** A running call that forces a node, and the time it began. */
    private record RunningForce(int node, long time) {}

    private final Map<Integer, DiskFile> files = new HashMap<>();
    private final Map<DiskName, Integer> durable = new HashMap<>();
    private final Map<DiskName, Integer> names = new HashMap<>();
    private final List<NameChange> nameChanges = new ArrayList<>();
    private final Map<Integer, RunningForce> forces = new HashMap<>();
    private int lastNode = ROOT;
    private long time;
    private long orderedUpTo = -1;

    /** Returns the disk after some changes to an empty one. */
    static SimulatedDisk after(List<DiskChange> changes) {
        SimulatedDisk disk = new SimulatedDisk();
        changes.forEach(disk::apply);
        return disk;
    }

    void apply(DiskChange change) {
        time++;
        if (change instanceof DiskChange.Create create) {
            if (!create.isFolder()) {
                files.put(create.node(), new DiskFile());
            }
            lastNode = Math.max(lastNode, create.node());
            change(create.name().folder(), new Edit(create.name().name(), create.node(), false));
        } else if (change instanceof DiskChange.Link link) {
            change(link.name().folder(), new Edit(link.name().name(), link.node(), false));
        } else if (change instanceof DiskChange.Rename rename) {
            rename(rename.from(), rename.to());
        } else if (change instanceof DiskChange.Unlink unlink) {
            change(unlink.name().folder(), new Edit(unlink.name().name(), node(unlink.name()), true));
        } else if (change instanceof DiskChange.Write write) {
            file(write.node()).write(time, write.offset(), write.bytes());
        } else if (change instanceof DiskChange.Resize resize) {
            file(resize.node()).resize(time, resize.size());
        } else if (change instanceof DiskChange.Mapping mapping) {
            file(mapping.node()).map();
        } else if (change instanceof DiskChange.Settle settle) {
            file(settle.node()).settle(time, settle.bytes(), settle.isForced());
        } else if (change instanceof DiskChange.ForceBegin begin) {
            forces.put(begin.force(), new RunningForce(begin.node(), time));
        } else if (change instanceof DiskChange.ForceEnd end) {
            endForce(Optional.ofNullable(forces.remove(end.force())).orElseThrow(), end.isSuccess());
        }
    }

    /** Returns the content that processes see. */
    DiskImage cached() {
        SortedMap<String, Optional<DiskImage.Content>> nodes = new TreeMap<>();
        paths(names)
                .forEach((path, node) ->
                        nodes.put(path, Optional.ofNullable(files.get(node)).map(DiskFile::cached)));
        return new DiskImage(nodes);
    }

    /** Returns the content after a power loss. */
    DiskImage after(DiskLoss loss) {
        SplittableRandom random = new SplittableRandom(loss.seed());
        SortedMap<String, Optional<DiskImage.Content>> nodes = new TreeMap<>();
        paths(namesAfter(loss, random))
                .forEach((path, node) ->
                        nodes.put(path, Optional.ofNullable(files.get(node)).map(file -> file.after(loss, random))));
        return new DiskImage(nodes);
    }

    /** Returns the nodes by path. */
    SortedMap<String, Integer> paths() {
        return paths(names);
    }

    /** Returns the highest node so far. */
    int lastNode() {
        return lastNode;
    }

    private void rename(DiskName from, DiskName to) {
        int node = node(from);
        Edit removal = new Edit(from.name(), node, true);
        Edit naming = new Edit(to.name(), node, false);
        if (from.folder() == to.folder()) {
            change(from.folder(), removal, naming);
        } else {
            change(to.folder(), naming);
            change(from.folder(), removal);
        }
    }

    private void change(int folder, Edit... edits) {
        NameChange change = new NameChange(time, folder, List.of(edits), false);
        nameChanges.add(change);
        apply(change, names);
    }

    private static void apply(NameChange change, Map<DiskName, Integer> names) {
        for (Edit edit : change.edits()) {
            DiskName name = new DiskName(change.folder(), edit.name());
            if (!edit.isRemoval()) {
                names.put(name, edit.node());
            } else if (names.getOrDefault(name, NO_NODE) == edit.node()) {
                names.remove(name);
            }
        }
    }

    private void endForce(RunningForce force, boolean isSuccess) {
        DiskFile file = files.get(force.node());
        if (file != null && isSuccess) {
            file.force(force.time());
        } else if (file != null) {
            file.failToForce(force.time());
        }
        if (isSuccess) {
            forceNames(force);
        }
    }

    private void forceNames(RunningForce force) {
        for (int i = 0; i < nameChanges.size(); i++) {
            NameChange change = nameChanges.get(i);
            if (change.time() > force.time()) {
                break;
            }
            boolean isItsName =
                    change.edits().stream().anyMatch(edit -> !edit.isRemoval() && edit.node() == force.node());
            if (change.folder() == force.node()) {
                nameChanges.set(i, change.forced());
            }
            if (isItsName || change.folder() == force.node()) {
                orderedUpTo = Math.max(orderedUpTo, change.time());
            }
        }
        while (!nameChanges.isEmpty() && nameChanges.get(0).isForced()) {
            apply(nameChanges.remove(0), durable);
        }
    }

    private Map<DiskName, Integer> namesAfter(DiskLoss loss, SplittableRandom random) {
        Map<DiskName, Integer> left = new HashMap<>(durable);
        boolean isOrdered = loss.ordering() == DiskLoss.Ordering.ORDERED;
        long lastTime = switch (loss.names()) {
            case NONE -> -1;
            case ALL -> time;
            case SOME ->
                nameChanges.isEmpty()
                        ? -1
                        : nameChanges.get(random.nextInt(nameChanges.size())).time();
        };
        for (NameChange change : nameChanges) {
            boolean isLeft = isOrdered
                    ? change.time() <= Math.max(lastTime, orderedUpTo)
                    : loss.names() == DiskLoss.NameChanges.SOME ? random.nextBoolean() : change.time() <= lastTime;
            if (isLeft || change.isForced()) {
                apply(change, left);
            }
        }
        return left;
    }

    /** Returns the nodes by path, except those in a folder without a name. */
    private SortedMap<String, Integer> paths(Map<DiskName, Integer> from) {
        Map<Integer, Map<String, Integer>> byFolder = new LinkedHashMap<>();
        from.forEach((name, node) -> byFolder.computeIfAbsent(name.folder(), folder -> new TreeMap<>())
                .put(name.name(), node));
        SortedMap<String, Integer> paths = new TreeMap<>();
        collect(ROOT, "", byFolder, paths);
        return paths;
    }

    private static void collect(
            int folder, String prefix, Map<Integer, Map<String, Integer>> byFolder, Map<String, Integer> paths) {
        byFolder.getOrDefault(folder, Map.of()).forEach((name, node) -> {
            paths.put(prefix + name, node);
            collect(node, prefix + name + "/", byFolder, paths);
        });
    }

    private int node(DiskName name) {
        return Optional.ofNullable(names.get(name)).orElseThrow();
    }

    private DiskFile file(int node) {
        return Optional.ofNullable(files.get(node)).orElseThrow();
    }
}
