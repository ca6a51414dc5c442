package dev.keystore.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Reads a trace of {@code strace}: all changes by a process to some folders, with all bytes, in the order in which the
 * system calls returned.
 *
 * <p>Files are identified by their descriptors, and so stay the same when they are renamed or removed. Writes through a
 * mapping are not in a trace: see {@link DiskChange.Mapping}.
 */
final class DiskRecorder {

    private static final int MAXIMUM_WRITE_BYTES = 1 << 24;
    private static final int STANDARD_OUTPUT = 1;

    /** Calls that move the position of a descriptor. The bytes that they read are not printed. */
    private static final String POSITIONS = "read,readv,lseek";

    private static final String RECORDED = "open,openat,creat,close,dup,dup2,dup3,fcntl,"
            + "write,writev,pwrite64,ftruncate,fsync,fdatasync,mmap,munmap,msync,"
            + "rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat";

    /** Calls that also change files, but whose changes cannot be recorded. */
    private static final String UNSUPPORTED = "fallocate,sendfile,copy_file_range,splice,pwritev,pwritev2";

    /** An open file, which may have several descriptors. */
    private static final class OpenFile {

        private final RecordedFolder folder;
        private final int node;
        private final boolean appends;
        private long position;

        OpenFile(RecordedFolder folder, int node, boolean appends) {
            this.folder = folder;
            this.node = node;
            this.appends = appends;
        }
    }

    private record MappedRange(long end, OpenFile file) {}

    private record RunningForce(int force, RecordedFolder folder) {}

    private final RecordedFolders folders;
    private final Map<Long, OpenFile> open = new HashMap<>();
    private final SortedMap<Long, MappedRange> mappings = new TreeMap<>();
    private final Map<String, String> unfinished = new HashMap<>();
    private final Map<String, RunningForce> forces = new HashMap<>();
    private int forceCount;

    private DiskRecorder(RecordedFolders folders) {
        this.folders = folders;
    }

    /**
     * Returns a command that runs another and records it.
     *
     * @param failures the calls of a thread to {@code fsync} or {@code fdatasync} that fail with EIO, in the form of
     *     strace's option {@code when}
     */
    static List<String> traced(Path trace, Optional<String> failures, List<String> command) {
        String calls = Strace.existing(POSITIONS + "," + RECORDED + "," + UNSUPPORTED);
        List<String> traced = new ArrayList<>(List.of(Strace.PROGRAM, "-f", "--seccomp-bpf", "-qqq"));
        traced.addAll(List.of("-s", Integer.toString(MAXIMUM_WRITE_BYTES), "-o", trace.toString()));
        traced.addAll(List.of("-e", "signal=none", "-e", "raw=" + POSITIONS, "-e", "trace=" + calls));
        failures.ifPresent(when -> traced.addAll(List.of("-e", "inject=fsync,fdatasync:error=EIO:when=" + when)));
        traced.addAll(command);
        return traced;
    }

    /** Returns why processes cannot be recorded on this machine; empty if they can. */
    static Optional<String> obstacle(Path folder) throws InterruptedException {
        List<String> command = List.of(ChildCommand.java(), "-version");
        return Strace.obstacle(traced(folder.resolve("trace"), Optional.of("65535"), command));
    }

    /**
     * Reads a trace.
     *
     * @param base the parent of the recorded folders, as a real path
     * @param folders the recorded folders by name, to which the changes are added
     */
    static void read(Path trace, Path base, Map<String, RecordedFolder> folders) throws IOException {
        DiskRecorder recorder = new DiskRecorder(new RecordedFolders(base, folders));
        try (BufferedReader lines = Files.newBufferedReader(trace, StandardCharsets.ISO_8859_1)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                recorder.read(line);
            }
        }
        for (String call : List.copyOf(recorder.unfinished.values())) {
            recorder.cutShort(TraceLine.parse(call));
        }
    }

    private void read(String line) {
        int space = line.indexOf(' ');
        String thread = line.substring(0, space);
        String call = line.substring(space).stripLeading();
        if (call.startsWith("<... ")) {
            String begun = Optional.ofNullable(unfinished.remove(thread)).orElse("");
            TraceLine whole = TraceLine.parse(begun + call.substring(call.indexOf('>') + 1));
            end(thread, whole);
        } else if (call.endsWith("<unfinished ...>")) {
            String begun = call.substring(0, call.lastIndexOf('<')).strip();
            unfinished.put(thread, begun);
            begin(thread, TraceLine.parse(begun));
        } else if (call.indexOf('(') > 0) {
            TraceLine whole = TraceLine.parse(call);
            begin(thread, whole);
            end(thread, whole);
        }
    }

    private void begin(String thread, TraceLine call) {
        switch (call.name()) {
            case "close" -> open.remove(call.number(0));
            case "fsync", "fdatasync" -> beginForce(thread, open.get(call.number(0)));
            case "msync" -> beginForce(thread, mappedAt(call.number(0)));
            case "write" -> {
                if (call.number(0) == STANDARD_OUTPUT) {
                    print(new String(call.bytes(1), StandardCharsets.UTF_8));
                }
            }
            default -> {}
        }
    }

    private void end(String thread, TraceLine call) {
        if (call.result().isEmpty()) {
            cutShort(call);
            return;
        }
        String result = call.result().get();
        boolean isSuccess = !result.startsWith("-1");
        RunningForce force = forces.remove(thread);
        if (force != null) {
            force.folder().add(new DiskChange.ForceEnd(force.force(), isSuccess));
        } else if (isSuccess) {
            change(call, Long.decode(result));
        }
    }

    private void change(TraceLine call, long result) {
        switch (call.name()) {
            case "open" -> open(result, folders.locate(call.argument(0)), call.argument(1));
            case "creat" -> open(result, folders.locate(call.argument(0)), "O_CREAT|O_TRUNC");
            case "openat" -> open(result, locateAt(call, 0), call.argument(2));
            case "dup", "fcntl" -> {
                if (call.name().equals("dup") || call.argument(1).startsWith("F_DUPFD")) {
                    copy(call.number(0), result);
                }
            }
            case "dup2", "dup3" -> copy(call.number(0), result);
            case "read", "readv" -> file(call).ifPresent(file -> file.position += result);
            case "lseek" -> file(call).ifPresent(file -> file.position = result);
            case "write" -> file(call).ifPresent(file -> append(file, call.bytes(1), result));
            case "writev" -> file(call).ifPresent(file -> append(file, call.gathered(1), result));
            case "pwrite64" -> file(call).ifPresent(file -> write(file, call.number(3), call.bytes(1), result));
            case "ftruncate" -> file(call).ifPresent(file -> file.folder.resize(file.node, call.number(1)));
            case "mmap" -> map(call, result);
            case "munmap" ->
                mappings.subMap(call.number(0), call.number(0) + call.number(1)).clear();
            case "rename" -> rename(folders.locate(call.argument(0)), folders.locate(call.argument(1)));
            case "renameat", "renameat2" -> rename(locateAt(call, 0), locateAt(call, 2));
            case "unlink", "rmdir" -> folders.locate(call.argument(0)).ifPresent(DiskRecorder::unlink);
            case "unlinkat" -> locateAt(call, 0).ifPresent(DiskRecorder::unlink);
            case "mkdir" -> folders.locate(call.argument(0)).ifPresent(DiskRecorder::createFolder);
            case "mkdirat" -> locateAt(call, 0).ifPresent(DiskRecorder::createFolder);
            case "link" -> link(folders.locate(call.argument(0)), folders.locate(call.argument(1)));
            case "linkat" -> link(locateAt(call, 0), locateAt(call, 2));
            case "close" -> {}
            default -> refuseChange(call);
        }
    }

    private void print(String lines) {
        lines.lines().forEach(line -> {
            String[] words = line.split(" ", 3);
            RecordedFolder folder = words.length < 2 ? null : folders.get(words[1]);
            if (folder != null) {
                folder.add(new DiskChange.Print(line));
            }
        });
    }

    private void beginForce(String thread, @Nullable OpenFile file) {
        if (file != null) {
            forces.put(thread, new RunningForce(++forceCount, file.folder));
            file.folder.add(new DiskChange.ForceBegin(forceCount, file.node));
        }
    }

    private void open(long descriptor, Optional<RecordedFolders.Location> place, String flags) {
        open.remove(descriptor);
        if (place.isEmpty()) {
            return;
        }
        RecordedFolder folder = place.get().folder();
        boolean isNew = place.get().node().isEmpty();
        int node = place.get().node().orElseGet(() -> {
            if (!flags.contains("O_CREAT") || flags.contains("O_TMPFILE")) {
                throw new IllegalStateException("A file was opened whose creation was not recorded: "
                        + place.get().name());
            }
            return folder.create(place.get().name().orElseThrow(), false);
        });
        if (!isNew && flags.contains("O_TRUNC")) {
            folder.resize(node, 0);
        }
        open.put(descriptor, new OpenFile(folder, node, flags.contains("O_APPEND")));
    }

    private void copy(long from, long to) {
        OpenFile file = open.get(from);
        if (file == null) {
            open.remove(to);
        } else {
            open.put(to, file);
        }
    }

    private static void append(OpenFile file, byte[] bytes, long written) {
        if (file.appends) {
            file.position = file.folder.size(file.node);
        }
        write(file, file.position, bytes, written);
        file.position += written;
    }

    private static void write(OpenFile file, long offset, byte[] bytes, long written) {
        file.folder.write(file.node, offset, bytes, Math.toIntExact(written));
    }

    private void map(TraceLine call, long address) {
        mappings.remove(address);
        OpenFile file = call.argument(4).equals("-1") ? null : open.get(call.number(4));
        if (file != null
                && call.argument(2).contains("PROT_WRITE")
                && call.argument(3).contains("MAP_SHARED")) {
            mappings.put(address, new MappedRange(address + call.number(1), file));
            file.folder.add(new DiskChange.Mapping(file.node));
        }
    }

    private @Nullable OpenFile mappedAt(long address) {
        SortedMap<Long, MappedRange> before = mappings.headMap(address + 1);
        if (before.isEmpty()) {
            return null;
        }
        MappedRange nearest = before.get(before.lastKey());
        return nearest != null && address < nearest.end() ? nearest.file() : null;
    }

    private static void rename(Optional<RecordedFolders.Location> from, Optional<RecordedFolders.Location> to) {
        if (from.isEmpty() && to.isEmpty()) {
            return;
        }
        if (from.isEmpty() || to.isEmpty() || from.get().folder() != to.get().folder()) {
            throw new IllegalStateException("The backend moved a file into or out of its folder");
        }
        from.get()
                .folder()
                .rename(from.get().name().orElseThrow(), to.get().name().orElseThrow());
    }

    private static void link(Optional<RecordedFolders.Location> from, Optional<RecordedFolders.Location> to) {
        if (from.isPresent() && to.isPresent()) {
            to.get()
                    .folder()
                    .link(from.get().node().orElseThrow(), to.get().name().orElseThrow());
        } else if (to.isPresent()) {
            throw new IllegalStateException("The backend linked a file from outside into its folder");
        }
    }

    private static void unlink(RecordedFolders.Location place) {
        place.folder().unlink(place.name().orElseThrow());
    }

    private static void createFolder(RecordedFolders.Location place) {
        place.folder().create(place.name().orElseThrow(), true);
    }

    private void refuseChange(TraceLine call) {
        boolean hasTarget = call.arguments().stream()
                .limit(call.name().equals("fallocate") || call.name().equals("sendfile") ? 1 : 3)
                .anyMatch(argument -> argument.matches("\\d+") && open.containsKey(Long.parseLong(argument)));
        if (hasTarget) {
            throw new IllegalStateException("The backend changes its files with " + call.name()
                    + ", which cannot be recorded; power loss cannot be simulated for it");
        }
    }

    /** Marks the folders of a call that did not return. */
    private void cutShort(TraceLine call) {
        if (call.arguments().isEmpty()) {
            return;
        }
        file(call).ifPresent(file -> file.folder.cutShort());
        call.arguments().stream()
                .filter(argument -> argument.startsWith("\"/"))
                .forEach(path ->
                        folders.locate(path).ifPresent(place -> place.folder().cutShort()));
    }

    private Optional<OpenFile> file(TraceLine call) {
        return call.argument(0).matches("0x[0-9a-f]+|\\d+")
                ? Optional.ofNullable(open.get(call.number(0)))
                : Optional.empty();
    }

    private Optional<RecordedFolders.Location> locateAt(TraceLine call, int index) {
        String folder = call.argument(index);
        OpenFile file = folder.startsWith("AT_") ? null : open.get(Long.decode(folder));
        String path = call.argument(index + 1);
        return file == null ? folders.locate(path) : folders.locate(file.folder, file.node, path);
    }
}
