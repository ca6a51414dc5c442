package dev.keystore.cli;

import java.util.List;
import java.util.regex.Pattern;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Refuses arguments that hold a password, which other users of the machine can see while the command runs. */
final class PasswordArguments {

    /** Where a command takes passwords from. */
    static final String REMEDY = "name an environment variable with --password-env (for a target --target-password-env,"
            + " for the source of an import --source-password-env), be asked with --password, or put the arguments"
            + " into a file, one on each line, and pass @FILE; for an anchor, see the property"
            + " freshness.anchor.password";

    /** An option of a URL, also of one that is the value of a property. */
    private static final Pattern OPTION =
            Pattern.compile("(?is)[a-z][a-z0-9+.-]*:.*[?&][^=&?]*(password|passphrase|secret)[^=&]*=[^&]");

    private static final Pattern USER = Pattern.compile("(?i)[a-z][a-z0-9+.-]*://[^/?@\\s]*:[^/?@\\s]+@");

    private PasswordArguments() {}

    /**
     * Refuses a password in a URL.
     *
     * @throws ParameterException if an argument holds one; those in a file that {@code @FILE} names are not looked at
     */
    static void requireNone(ParseResult called) {
        List<String> arguments = called.originalArgs();
        if (arguments.stream().anyMatch(PasswordArguments::holdsPassword)) {
            ParseResult last = called;
            while (last.hasSubcommand()) {
                last = last.subcommand();
            }
            throw new ParameterException(
                    last.commandSpec().commandLine(),
                    "A password in a URL is not accepted as an argument, which other users of this machine can see: "
                            + REMEDY);
        }
    }

    private static boolean holdsPassword(String argument) {
        return OPTION.matcher(argument).find() || USER.matcher(argument).find();
    }
}
