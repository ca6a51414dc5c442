package dev.keystore.cli;

import dev.keystore.encryption.PasswordSource;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** Options that say how a store is opened. They are checked when they are first used. */
abstract class OpeningOptions {

    private final String prefix;

    @Spec(Target.MIXEE)
    private @Nullable CommandSpec spec;

    private @Nullable Secrets secrets;

    /**
     * Creates options.
     *
     * @param prefix what their names begin with, after the dashes
     */
    OpeningOptions(String prefix) {
        this.prefix = prefix;
    }

    /** Returns what was given on the command line. */
    abstract Secrets given();

    /** Returns where the password of the database is; null if neither option was given. */
    final @Nullable PasswordSource password(@Nullable String variable, boolean asked, String of) {
        if (variable != null && asked) {
            throw wrongUsage("Only one of --" + prefix + "password-env and --" + prefix + "password can be given");
        }
        return Secrets.password(variable, asked, of);
    }

    /**
     * Returns what was given on the command line.
     *
     * @throws ParameterException if it is wrong in a way that the parser does not notice
     */
    final Secrets secrets() {
        Secrets known = secrets;
        if (known == null) {
            known = given();
            check(known);
            secrets = known;
        }
        return known;
    }

    private void check(Secrets given) {
        String byProperty = given.properties().get(Secrets.KEY);
        long keys = Stream.of(given.keyFile(), given.passphraseEnv(), given.passphrase(), byProperty)
                .filter(key -> key != null)
                .count();
        if (keys > 1) {
            throw wrongUsage("Only one of --" + prefix + "key-file, --" + prefix + "passphrase-env, --" + prefix
                    + "passphrase and the property " + Secrets.KEY + " can be given");
        }
        if (given.properties().entrySet().stream()
                .anyMatch(property -> isPassword(property.getKey(), property.getValue()))) {
            throw wrongUsage("A password is not accepted as an argument, which other users of this machine can see: "
                    + PasswordArguments.REMEDY);
        }
    }

    private ParameterException wrongUsage(String message) {
        if (spec == null) {
            throw new IllegalStateException("The arguments of the command were not parsed");
        }
        return new ParameterException(spec.commandLine(), message);
    }

    /** Those of encryption and of an anchor name where a password is. */
    private static boolean isPassword(String property, String value) {
        boolean saysWhere = (property.startsWith("encryption.") || property.startsWith("freshness."))
                && (value.startsWith("env:") || value.startsWith("file:"));
        return property.toLowerCase(Locale.ROOT).contains("password") && !saysWhere;
    }
}
