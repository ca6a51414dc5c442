package dev.keystore.cli;

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
        subcommands = {
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
            KeyCommand.class,
            GenerateCompletion.class,
            HelpCommand.class
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:done",
            "1:done, with findings: damage, or what was not copied, moved, restored, imported or exported",
            "2:wrong usage",
            "3:refused or failed; nothing was changed",
            "4:interrupted, or failed midway; the same command continues"
        },
        footer = {
            "",
            "A URL is jdbc:sqlite:FILE, jdbc:postgresql://HOST/DATABASE or mapdb:FOLDER.",
            "An argument @FILE stands for the arguments in that file, one on each line."
        })
public final class Main {

    private Main() {}

    /**
     * Runs the command and ends the process.
     *
     * @param arguments the command line
     */
    public static void main(String[] arguments) {
        System.exit(Interruption.run(() -> commandLine().execute(arguments)));
    }

    static CommandLine commandLine() {
        CommandLine line = new CommandLine(new Main());
        line.setExecutionExceptionHandler(new Failures());
        line.setParameterExceptionHandler(Failures::usage);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        return line;
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
