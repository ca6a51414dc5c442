package dev.keystore.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.stream.Collectors;
import picocli.CommandLine;

/**
 * A command that has ended.
 *
 * @param code its exit code
 * @param out what it printed
 * @param err what it printed to the error output
 */
record Ran(int code, String out, String err) {

    /** Runs a command in this process. */
    static Ran of(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine line = Main.commandLine(arguments);
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(err, true));
        ClassLoader loader = Thread.currentThread().getContextClassLoader();
        try {
            int code = line.execute(arguments);
            return new Ran(code, out.toString(), err.toString());
        } catch (OutOfMemoryError e) {
            throw new AssertionError("The command did not report an error", e); // JUnit would end all tests
        } finally {
            Thread.currentThread().setContextClassLoader(loader);
        }
    }

    /** Returns the error output without the lines of progress, which only a slow machine gets. */
    String warnings() {
        return err.lines()
                .filter(line -> !line.startsWith("Copying: ") && !line.startsWith("Importing: "))
                .collect(Collectors.joining("\n"));
    }

    JsonNode json() {
        try {
            return new ObjectMapper().readTree(out);
        } catch (IOException e) {
            throw new UncheckedIOException(toString(), e);
        }
    }
}
