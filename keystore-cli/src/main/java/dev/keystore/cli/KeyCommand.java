package dev.keystore.cli;

import dev.keystore.encryption.KeyFile;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Root keys. */
@Command(name = "key", description = "Creates root keys.", subcommands = KeyCommand.Generate.class)
final class KeyCommand {

    /** Creates a key file. */
    @Command(
            name = "generate",
            description = {
                "Creates a file with a new random root key, which only its owner can access.",
                "Keep a copy elsewhere: without it, nothing in the store can be decrypted."
            })
    static final class Generate implements Callable<Integer> {

        @Parameters(index = "0", paramLabel = "FILE", description = "A file that does not exist.")
        private @Nullable Path file;

        @Option(names = "--json", description = "Print the result as JSON.")
        private boolean json;

        @Spec
        private @Nullable CommandSpec spec;

        @Override
        public Integer call() throws IOException {
            if (file == null || spec == null) {
                throw new IllegalStateException("The arguments of the command were not parsed");
            }
            try {
                KeyFile.create(file);
            } catch (FileAlreadyExistsException e) {
                throw new Refusal("Key file " + file + " exists; it was not changed. Choose another name");
            }
            spec.commandLine()
                    .getOut()
                    .println(
                            json
                                    ? Json.of(Map.of("keyFile", file.toString()))
                                    : "Created: " + file + ". Keep a copy elsewhere.");
            return ExitCodes.DONE;
        }
    }
}
