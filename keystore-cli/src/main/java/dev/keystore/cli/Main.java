package dev.keystore.cli;

import java.util.List;
import picocli.AutoComplete.GenerateCompletion;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.ScopeType;

/** The command {@code keystore}: looks after stores of Keystore. */
@Command(
        name = "keystore",
        description =
                "Looks at stores of Keystore, verifies, backs up, restores, moves, copies, encrypts and compacts them,"
                        + " and imports and exports accounts of other clients.",
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        versionProvider = Main.Version.class,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:done",
            "1:done, with findings: damage; what was not copied, moved, imported or exported; a context that was left"
                    + " out of a restore since its move had not ended, or all contexts left out",
            "2:wrong usage",
            "3:refused or failed; nothing was changed",
            "4:interrupted, or failed midway; the same command continues, or restore with --context for what can be"
                    + " restored"
        },
        footer = {
            "",
            "A URL is jdbc:sqlite:FILE, jdbc:postgresql://HOST/DATABASE or mapdb:FOLDER.",
            "An argument @FILE stands for the arguments in that file, one on each line."
        })
public final class Main {

    /** All subcommands except the two that describe the others. */
    private static final List<Class<?>> SUBCOMMANDS = List.of(
            ContextsCommand.class,
            InspectCommand.class,
            VerifyCommand.class,
            BackupCommand.class,
            RestoreCommand.class,
            MoveCommand.class,
            CopyCommand.class,
            ImportCommand.class,
            ExportCommand.class,
            EncryptCommand.class,
            RotateCommand.class,
            DecryptCommand.class,
            DeleteDamagedCommand.class,
            EraseCommand.class,
            CompactCommand.class,
            KeyCommand.class);

    private Main() {}

    /**
     * Runs the command and ends the process.
     *
     * @param arguments the command line
     */
    public static void main(String[] arguments) {
        System.exit(Interruption.run(() -> commandLine(arguments).execute(arguments)));
    }

    /**
     * Returns the command with the only subcommand that the first argument calls, without any if it asks for the
     * version, or else with all of them: describing all of them to the parser takes longer than many commands do.
     */
    static CommandLine commandLine(String... arguments) {
        CommandLine line = new CommandLine(new Main());
        String first = arguments.length == 0 ? "" : arguments[0];
        List<Class<?>> called = SUBCOMMANDS.stream()
                .filter(command -> name(command).equals(first))
                .toList();
        called.forEach(line::addSubcommand);
        if (called.isEmpty() && !first.equals("--version")) {
            SUBCOMMANDS.forEach(line::addSubcommand);
            line.addSubcommand(GenerateCompletion.class);
            line.addSubcommand(HelpCommand.class);
        }
        line.setExecutionStrategy(Failures::run);
        line.setExecutionExceptionHandler(new Failures());
        line.setParameterExceptionHandler(Failures::usage);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        return line;
    }

    private static String name(Class<?> command) {
        return command.getAnnotation(Command.class).name();
    }

    /** Reads the version from the manifest of the jar. */
    static final class Version implements IVersionProvider {

        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"keystore " + (version == null ? "(not packaged)" : version)};
        }
    }
}
