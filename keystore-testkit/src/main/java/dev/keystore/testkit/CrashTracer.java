package dev.keystore.testkit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The program {@code strace}, which kills a child at a system call of its. */
final class CrashTracer {

    /** A call that did not return: its name and the file that it is about, by descriptor or by path. */
    private static final Pattern CUT_SHORT = Pattern.compile(
            "^\\d+ +(\\w+)\\((?:[^<\"]*<([^>]*)>|[^<\"]*\"([^\"]*)\")?.*(?:= \\?|<unfinished \\.\\.\\.>)$");

    private static final String STRACE = "strace";

    private CrashTracer() {}

    /** Returns why children can't be traced here; empty if they can. */
    static Optional<String> obstacle(Path folder) throws InterruptedException {
        return obstacle(STRACE, folder);
    }

    static Optional<String> obstacle(String strace, Path folder) throws InterruptedException {
        CrashKill.AtSystemCall never = new CrashKill.AtSystemCall("fsync", Short.MAX_VALUE);
        return obstacle(traced(strace, never, folder.resolve("trace"), List.of(CrashProcess.java(), "-version")));
    }

    /** Returns why a command can't be run here; empty if it can. */
    static Optional<String> obstacle(List<String> command) throws InterruptedException {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.waitFor() == 0 ? Optional.empty() : Optional.of(command.get(0) + " fails: " + said.strip());
        } catch (IOException e) {
            return Optional.of("there is no " + command.get(0) + ": " + e.getMessage());
        }
    }

    /** Returns a command that runs another and kills it at a system call. Names that the machine doesn't have do nothing. */
    static List<String> traced(CrashKill.AtSystemCall kill, Path trace, List<String> command) {
        return traced(STRACE, kill, trace, command);
    }

    private static List<String> traced(String strace, CrashKill.AtSystemCall kill, Path trace, List<String> command) {
        String calls = Arrays.stream(kill.calls().split(",", -1))
                .map(name -> "?" + name.strip())
                .collect(Collectors.joining(","));
        List<String> tracer = List.of(
                strace,
                "-f",
                "-qqq",
                "-y",
                "-s",
                "0",
                "-o",
                trace.toString(),
                "-e",
                "signal=none",
                "-e",
                "trace=" + calls,
                "-e",
                "inject=" + calls + ":signal=SIGKILL:when=" + kill.count());
        return Stream.of(tracer, command).flatMap(List::stream).toList();
    }

    /** Returns the name of the call at which a child was killed, and of the file, as far as the trace tells. */
    static Optional<String> lastCall(Path trace) throws IOException {
        List<String> lines = Files.readAllLines(trace);
        for (int i = lines.size() - 1; i >= 0; i--) {
            Matcher matcher = CUT_SHORT.matcher(lines.get(i));
            if (matcher.matches()) {
                String path = matcher.group(2) == null ? matcher.group(3) : matcher.group(2);
                return Optional.of(
                        path == null
                                ? matcher.group(1)
                                : matcher.group(1) + " of " + path.substring(path.lastIndexOf('/') + 1));
            }
        }
        return Optional.empty();
    }
}
