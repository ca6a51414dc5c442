package dev.keystore.mapdb;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;

/** A process that commits while it has one file descriptor left: enough for a journal, but not to force its folder. */
final class Descriptors {

    static final String REFUSED = "refused: ";
    static final String COMMITTED = "committed";

    /** The end of a refusal's message, after the path of the folder; the paths of its files are longer. */
    static final String NOT_FORCED = ": Too many open files; raise the limit of open files of this process";

    /** The JVM occasionally opens a file itself, so that a try has one descriptor more or less. */
    private static final int TRIES = 100;

    private Descriptors() {}

    public static void main(String[] arguments) throws Exception {
        Path path = Path.of(arguments[0]);
        try (MapdbBackend backend = Mapdb.open(path)) {
            // Loads what the commits below need.
            backend.commit(Mapdb.pair("alice", 0, new byte[1]));
            breakJournal(backend);
            backend.commit(Mapdb.pair("alice", 1, new byte[1]));
            breakJournal(backend);
            // On return the checkpointer is idle, and opens no file below.
            Mapdb.checkpoint(backend, 2);
            String said = COMMITTED;
            for (int i = 0; i < TRIES && !said.endsWith(path.toRealPath() + NOT_FORCED); i++) {
                said = refusedWithOneDescriptor(backend);
                if (said.equals(COMMITTED)) {
                    breakJournal(backend);
                }
            }
            System.out.println(said);
            System.out.println(refused(backend));
        }
    }

    /** Makes a commit fail, so that the next one has to create a journal. */
    private static void breakJournal(MapdbBackend backend) throws IOException {
        backend.writer().current().close();
        refused(backend);
    }

    private static String refused(MapdbBackend backend) {
        try {
            backend.commit(Mapdb.pair("alice", 2, new byte[1]));
            return COMMITTED;
        } catch (RuntimeException e) {
            return REFUSED + e.getMessage();
        }
    }

    private static String refusedWithOneDescriptor(MapdbBackend backend) throws IOException {
        Deque<FileInputStream> taken = takeAll();
        try {
            taken.pop().close();
            return refused(backend);
        } finally {
            for (FileInputStream one : taken) {
                one.close();
            }
        }
    }

    private static Deque<FileInputStream> takeAll() {
        Deque<FileInputStream> taken = new ArrayDeque<>();
        try {
            while (true) {
                taken.push(new FileInputStream("/dev/null"));
            }
        } catch (IOException e) {
            return taken;
        }
    }
}
