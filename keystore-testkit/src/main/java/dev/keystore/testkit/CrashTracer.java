package dev.keystore.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Kills a child process at one of its system calls, with {@link Strace}. */
final class CrashTracer {

    /** A call that did not return: its name, and its file by descriptor or by path. */
    private static final Pattern UNFINISHED = Pattern.compile(
            "^\\d+ +(\\w+)\\((?:[^<\"]*<([^>]*)>|[^<\"]*\"([^\"]*)\")?.*(?:= \\?|<unfinished \\.\\.\\.>)$");

    private CrashTracer() {}

    /** Returns why children cannot be traced on this machine; empty if they can. */
    static Optional<String> obstacle(Path folder) throws InterruptedException {
        return obstacle(Strace.PROGRAM, folder);
    }

    static Optional<String> obstacle(String strace, Path folder) throws InterruptedException {
        CrashKill.AtSystemCall never = new CrashKill.AtSystemCall("fsync", Short.MAX_VALUE);
        return Strace.obstacle(
                traced(strace, never, folder.resolve("trace"), List.of(ChildCommand.java(), "-version")));
    }

    /** Returns a command that runs another one and kills it at a system call. */
    static List<String> traced(CrashKill.AtSystemCall kill, Path trace, List<String> command) {
        return traced(Strace.PROGRAM, kill, trace, command);
    }

    private static List<String> traced(String strace, CrashKill.AtSystemCall kill, Path trace, List<String> command) {
        String calls = Strace.existing(kill.calls());
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

    /** Returns the name and file of the call at which a child was killed, as far as the trace shows them. */
    static Optional<String> lastCall(Path trace) throws IOException {
        List<String> lines = Files.readAllLines(trace);
        for (int i = lines.size() - 1; i >= 0; i--) {
            Matcher matcher = UNFINISHED.matcher(lines.get(i));
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
