package dev.keystore.mapdb;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs Java processes to which the permissions of files apply, even if the user is root. */
final class Unprivileged {

    private static final List<String> DROP = List.of("setpriv", "--bounding-set", "-dac_override,-dac_read_search");

    private Unprivileged() {}

    /** Returns whether such a process can be run here. */
    static boolean isPossible() {
        return !isRoot() || isSetprivUsable();
    }

    /** Runs the main method of a class to its end, and returns what it printed. */
    static String java(Class<?> main, Path argument) throws Exception {
        List<String> command = new ArrayList<>(isRoot() ? DROP : List.of());
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName(), argument.toString()));
        return Mapdb.run(command.toArray(String[]::new));
    }

    private static boolean isRoot() {
        return System.getProperty("user.name").equals("root");
    }

    private static boolean isSetprivUsable() {
        List<String> command = new ArrayList<>(DROP);
        command.add("true");
        try {
            return new ProcessBuilder(command).start().waitFor() == 0;
        } catch (Exception e) {
            return false;
        }
    }
}
