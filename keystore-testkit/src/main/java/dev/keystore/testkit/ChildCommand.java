package dev.keystore.testkit;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The command that starts a child process of a crash or power-loss test. */
final class ChildCommand {

    private ChildCommand() {}

    static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    /** Returns the command that runs a child; its only argument so far is the name of the test class. */
    static List<String> of(DurabilityTest test, Path temporary, Class<?> child) {
        List<String> command = new ArrayList<>(List.of(
                java(),
                "-Xmx64m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:-UsePerfData",
                "-Djava.io.tmpdir=" + temporary));
        command.addAll(test.jvmArguments());
        command.addAll(
                List.of("-cp", classPath(), child.getName(), test.getClass().getName()));
        return command;
    }

    /** Returns the class path and module path of this process, wherever its launcher keeps them. */
    static String classPath() {
        String listed = System.getProperty("surefire.test.class.path");
        return Stream.of(
                        listed == null ? System.getProperty("java.class.path") : listed,
                        System.getProperty("jdk.module.path"))
                .filter(Objects::nonNull)
                .flatMap(path -> Arrays.stream(path.split(File.pathSeparator, -1)))
                .filter(entry -> !entry.isEmpty())
                .collect(Collectors.joining(File.pathSeparator));
    }
}
