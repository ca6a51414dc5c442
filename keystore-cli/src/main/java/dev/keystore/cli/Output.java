package dev.keystore.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** The options that all commands on stores share. */
final class Output {

    @Option(names = "--json", description = "Print the result as JSON.")
    private boolean json;

    @Option(
            names = "--backends",
            paramLabel = "FOLDER",
            defaultValue = "${env:KEYSTORE_BACKENDS}",
            description = "A folder with jars of further backends. Default: what KEYSTORE_BACKENDS names.")
    private @Nullable Path backends;

    @Spec(Target.MIXEE)
    private @Nullable CommandSpec spec;

    boolean isJson() {
        return json;
    }

    CommandSpec spec() {
        if (spec == null) {
            throw new IllegalStateException("The arguments of the command were not parsed");
        }
        return spec;
    }

    PrintWriter out() {
        return spec().commandLine().getOut();
    }

    PrintWriter err() {
        return spec().commandLine().getErr();
    }

    ParameterException wrongUsage(String message) {
        return new ParameterException(spec().commandLine(), message);
    }

    /** Prints a line of text, unless the result is JSON. */
    void line(String text) {
        if (!json) {
            out().println(text);
        }
    }

    Progress progress(String what) {
        PrintWriter terminal = Terminal.writer();
        return terminal == null ? new Progress(err(), false, what) : new Progress(terminal, true, what);
    }

    /** Makes the backends of the folder known to this thread. */
    void addBackends() {
        if (backends == null || backends.toString().isBlank()) { // an empty variable is as if it were not set
            return;
        }
        List<URL> jars = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(backends, "*.jar")) {
            for (Path jar : found) {
                jars.add(url(jar));
            }
        } catch (IOException e) {
            throw new Refusal("The folder of backends could not be read: " + e);
        }
        ClassLoader parent = Output.class.getClassLoader();
        Thread.currentThread().setContextClassLoader(new URLClassLoader(jars.toArray(new URL[0]), parent));
    }

    private static URL url(Path jar) throws MalformedURLException {
        return jar.toUri().toURL();
    }
}
