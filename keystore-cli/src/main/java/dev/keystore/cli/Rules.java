package dev.keystore.cli;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.keystore.ContextMovedException;
import dev.keystore.EntryId;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.OneTimePreKeys;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.RestoreRules;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Finds out whether a restore would keep counters of ids as they are, because the jar with the rules that advance them
 * is missing. The library restores such entries without them, and ids would be issued twice.
 */
final class Rules {

    private static final EntryId CREDENTIALS = new EntryId("credentials", "credentials");

    /** An entry that the rules of {@code keystore-libsignal} apply to, which this command does not contain. */
    private static final EntryId LAST_PRE_KEY_ID = new EntryId("libsignal-last-key-id", "pre-key");

    private static final List<String> LIBSIGNAL_TYPES =
            List.of(LAST_PRE_KEY_ID.type(), "libsignal-account", OneTimePreKeys.KYBER_MARK.name());

    /** What the credentials of {@code keystore-libsignal} begin with; its first format has counters in them. */
    private static final byte[] LIBSIGNAL_CREDENTIALS = "KSLS".getBytes(US_ASCII);

    private Rules() {}

    /**
     * Refuses if a context needs rules that are missing.
     *
     * @param contexts the contexts to restore; if empty, all
     * @param withoutRules whether credentials of other clients need none
     * @throws Refusal if one needs rules; it says what to do
     */
    static void require(SignalKeyDatabase backup, Set<String> contexts, boolean withoutRules) {
        boolean knowsLibsignal = isKnown(LAST_PRE_KEY_ID);
        boolean knowsCredentials = isKnown(CREDENTIALS);
        if (knowsLibsignal && knowsCredentials) {
            return;
        }
        try (Stream<String> names = contexts.isEmpty() ? backup.contexts() : contexts.stream()) {
            for (Iterator<String> each = names.iterator(); each.hasNext(); ) {
                require(backup, each.next(), knowsLibsignal, knowsCredentials || withoutRules);
            }
        }
    }

    private static boolean isKnown(EntryId entry) {
        return ServiceLoader.load(RestoreRules.class).stream()
                .anyMatch(rules -> rules.get().applyTo(entry));
    }

    private static void require(
            SignalKeyDatabase backup, String name, boolean knowsLibsignal, boolean acceptsCredentials) {
        KeyReader context;
        try {
            context = backup.forContext(name);
        } catch (ContextMovedException e) {
            return; // it is not restored
        }
        boolean readable = true;
        Optional<byte[]> credentials = Optional.empty();
        try {
            credentials = context.credentials();
        } catch (UnreadableEntryException e) {
            readable = false; // the restore reports it
        }
        if (!knowsLibsignal
                && (credentials.filter(Rules::isOfLibsignal).isPresent()
                        || LIBSIGNAL_TYPES.stream().anyMatch(type -> holds(context, type)))) {
            throw new Refusal("Context \"" + name + "\" holds an account of keystore-libsignal, and only the rules in"
                    + " that module can advance its counters of pre-key ids; without them, ids would be issued twice."
                    + " Put keystore-libsignal and the jars that it needs into a folder, and name it with"
                    + " --backends FOLDER. Nothing was changed");
        }
        if (!acceptsCredentials && (credentials.isPresent() || !readable)) {
            throw new Refusal("Context \"" + name + "\" holds credentials that no rules of a restore apply to; if they"
                    + " count pre-key ids, as those of Baileys do, ids would be issued twice. Put the jar with their"
                    + " RestoreRules into a folder, and name it with --backends FOLDER; if they count nothing, use"
                    + " --without-rules. Nothing was changed");
        }
    }

    private static boolean isOfLibsignal(byte[] credentials) {
        return credentials.length >= LIBSIGNAL_CREDENTIALS.length
                && Arrays.equals(LIBSIGNAL_CREDENTIALS, Arrays.copyOf(credentials, LIBSIGNAL_CREDENTIALS.length));
    }

    private static boolean holds(KeyReader context, String type) {
        try (Stream<String> ids = context.ids(KeyType.ofBytes(type), "")) {
            return ids.findAny().isPresent();
        }
    }
}
