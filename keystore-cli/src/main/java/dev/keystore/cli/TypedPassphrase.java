package dev.keystore.cli;

import dev.keystore.encryption.PasswordSource;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A passphrase or a password that the user types. It is asked for when it is first needed, and kept until the process
 * exits, since a command may open its store twice. Used by one thread.
 */
final class TypedPassphrase implements PasswordSource {

    private final Supplier<char[]> question;
    private char @Nullable [] answer;

    TypedPassphrase(Supplier<char[]> question) {
        this.question = question;
    }

    @Override
    public char[] password() {
        char[] known = answer == null ? question.get() : answer;
        answer = known;
        return known.clone();
    }
}
