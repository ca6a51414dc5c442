package dev.keystore.testkit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The program {@code strace}, which traces the system calls of a process and injects signals and errors into them. */
final class Strace {

    static final String PROGRAM = "strace";

    private Strace() {}

    /** Returns system calls, separated by commas, in the form that ignores those the machine does not have. */
    static String existing(String calls) {
        return Stream.of(calls.split(",", -1)).map(name -> "?" + name.strip()).collect(Collectors.joining(","));
    }

    /** Returns why a command cannot be run on this machine; empty if it can. */
    static Optional<String> obstacle(List<String> command) throws InterruptedException {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.waitFor() == 0
                    ? Optional.empty()
                    : Optional.of(command.get(0) + " fails: " + output.strip());
        } catch (IOException e) {
            return Optional.of("there is no " + command.get(0) + ": " + e.getMessage());
        }
    }
}
