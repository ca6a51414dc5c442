package dev.keystore.interop;

import dev.keystore.EntryId;
import dev.keystore.KeyOperations;
import dev.keystore.KeyReader;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyType;
import dev.keystore.SignalKeyStore;
import dev.keystore.interop.ForeignStore.Read;
import dev.keystore.interop.ForeignStore.Reading;
import dev.keystore.interop.TransferReport.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Imports an account from another store.
 *
 * <pre>{@code
 * try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:keys.db")) {
 *     TransferReport report = AccountImport.from(BaileysFolder.at(Path.of("auth_info_baileys")))
 *             .to(database.forContext("alice"));
 * }
 * }</pre>
 *
 * <p>Whatever can be used is imported, in one commit. Everything else is named in the report, with the reason and what
 * follows from it (R92); it does not stop the rest. The source is never written. If it changes while it is read,
 * nothing is imported.
 *
 * <p><b>The source must not be used any more</b> once the account is used from Keystore: two copies of one account that
 * are both used break its conversations. Rename or delete it.
 *
 * <p><b>The target</b> must hold no entry of a standard type and no credentials, unless {@link #replacing} is set. If
 * it holds the very entries of the source, it is left as it is, so an import whose outcome is not known can be run
 * again.
 *
 * <p><b>Verification.</b> After the commit, ids and values are read from the backend, bypassing the cache, and compared
 * in both directions, and {@link SignalKeyStore#verify} checks each record in the backend (R91).
 *
 * <p>All entries of the account are in memory at once. Blocks until everything is done. Not thread-safe.
 */
public final class AccountImport {

    private static final String LOCK_KEY = "import";

    private final ForeignStore source;
    private final List<KeyType<?>> types = new ArrayList<>();
    private boolean keepingUnknown;
    private boolean replacing;
    private @Nullable SessionFormat format;
    private Consumer<? super TransferProgress> listener = progress -> {};

    private AccountImport(ForeignStore source) {
        this.source = source;
    }

    /**
     * Begins to describe an import.
     *
     * @param source what to import
     * @return an import; nothing happens until {@link #to} or {@link #dryRun}
     */
    public static AccountImport from(ForeignStore source) {
        return new AccountImport(Objects.requireNonNull(source, "source"));
    }

    /**
     * Keeps files of unknown type under a type that the format declares, for example
     * {@link BaileysFolder#UNKNOWN_FILE}. By default, they are named and not imported.
     *
     * @return this import
     */
    public AccountImport keepingUnknown() {
        keepingUnknown = true;
        return this;
    }

    /**
     * Replaces whatever the target holds, credentials and types of the application included, in the same commit. By
     * default, the import is refused if the target holds anything else.
     *
     * @return this import
     */
    public AccountImport replacing() {
        replacing = true;
        return this;
    }

    /**
     * Converts sessions and sender keys to another form. By default, they are kept as they are.
     *
     * <p>What cannot be converted is named. The client that the source belongs to cannot read them any more, so an
     * export for it has to convert them back. {@code docs/migrating.md} in the repository says what a conversion cannot
     * give: read it first. Chains that are closed in one form get random keys in another, so a second import finds
     * other entries in the target, and is refused.
     *
     * @param target the form, {@link SessionFormat#LIBSIGNAL} for a client that uses libsignal
     * @return this import
     */
    public AccountImport convertingSessionsTo(SessionFormat target) {
        format = Objects.requireNonNull(target, "target");
        return this;
    }

    /**
     * Declares types of the application that the source may hold. Entries of other types are imported as bytes.
     *
     * @param type a type
     * @return this import
     */
    public AccountImport including(KeyType<?> type) {
        types.add(Objects.requireNonNull(type, "type"));
        return this;
    }

    /**
     * Registers a listener that is called with the progress, on the calling thread; what it throws ends the import.
     *
     * @param progress the listener, in place of any former one
     * @return this import
     */
    public AccountImport listener(Consumer<? super TransferProgress> progress) {
        listener = Objects.requireNonNull(progress, "progress");
        return this;
    }

    /**
     * Imports the account into a context, and verifies it.
     *
     * @param target the store of the context
     * @return what was done, with everything that was not imported
     * @throws ForeignStoreException if the source cannot be read, was changed meanwhile, or the target holds something
     *     else; nothing was written
     * @throws ImportNotVerifiedException if the import was written, and the target does not return the same
     * @throws KeyStoreException if the target cannot be read or written; the subclass states what was written
     */
    public TransferReport to(SignalKeyStore target) {
        Objects.requireNonNull(target, "target");
        Prepared read = read();
        Contents contents = read.contents();
        if (contents.isEmpty()) {
            read.unchanged().run();
            return report(target.context(), read, Outcome.NOTHING_FOUND, false);
        }
        Outcome outcome = target.transaction(LOCK_KEY, tx -> {
            Outcome found = compare(tx, contents);
            if (found != Outcome.ALREADY_THERE) {
                write(tx, contents);
            }
            read.unchanged().run();
            return found;
        });
        if (outcome != Outcome.ALREADY_THERE) {
            verify(target, contents);
        }
        return report(target.context(), read, outcome, false);
    }

    /**
     * Reports what {@link #to} would do, and changes nothing (R94).
     *
     * <p>Opening a context takes it over from its last owner. {@code StoreInspection.read} of the module
     * {@code keystore-core} provides a reader that does not.
     *
     * @param target the store of the context, or a reader of it
     * @return what would be done
     * @throws ForeignStoreException as for {@link #to}
     * @throws KeyStoreException if the target cannot be read
     */
    public TransferReport dryRun(KeyReader target) {
        Objects.requireNonNull(target, "target");
        Prepared read = read();
        Contents contents = read.contents();
        Outcome outcome = contents.isEmpty() ? Outcome.NOTHING_FOUND : compare(target, contents);
        read.unchanged().run();
        return report(target.context(), read, outcome, true);
    }

    /**
     * Reports what {@link #to} would do with a context that does not exist yet (R94).
     *
     * @param context the name of the context
     * @return what would be done
     * @throws ForeignStoreException as for {@link #to}
     */
    public TransferReport dryRun(String context) {
        Objects.requireNonNull(context, "context");
        Prepared read = read();
        read.unchanged().run();
        return report(context, read, read.contents().isEmpty() ? Outcome.NOTHING_FOUND : Outcome.WRITTEN, true);
    }

    /** What is to be written, and what became of each part of the source. */
    private record Prepared(Contents contents, List<TransferItem> items, Runnable unchanged) {}

    private Prepared read() {
        Read read = source.read(new Reading(keepingUnknown, List.copyOf(types), listener));
        Contents contents = read.contents();
        if (format == null) {
            return new Prepared(contents, contents.items(), read.unchanged());
        }
        SessionConversion conversion = SessionConversion.of(contents, format, System.currentTimeMillis());
        return new Prepared(conversion.contents(), conversion.items(contents.items()), read.unchanged());
    }

    private TransferReport report(String target, Prepared read, Outcome outcome, boolean dryRun) {
        return new TransferReport(
                source.toString(),
                target,
                dryRun,
                outcome,
                read.items(),
                read.contents().digests());
    }

    private Outcome compare(KeyReader target, Contents contents) {
        if (isEmpty(target, contents)) {
            return Outcome.WRITTEN;
        }
        if (Difference.between(contents, target) == null) {
            return Outcome.ALREADY_THERE;
        }
        if (!replacing) {
            throw new ForeignStoreException(
                    source + ": could not import it into \"" + target.context()
                            + "\": the context holds other entries; import into a new context, or replace them",
                    null);
        }
        return Outcome.REPLACED;
    }

    private static boolean isEmpty(KeyReader target, Contents contents) {
        if (target.credentials().isPresent()) {
            return false;
        }
        for (KeyType<?> type : contents.types()) {
            try (Stream<String> ids = target.ids(type, "")) {
                if (ids.findAny().isPresent()) {
                    return false;
                }
            }
        }
        return true;
    }

    private void write(KeyOperations target, Contents contents) {
        if (replacing) {
            target.erase(); // even if it looks empty: entries of other types cannot be seen
        } else {
            // What is read is checked at the commit: no entry that another thread writes meanwhile is replaced (R24).
            contents.types().forEach(type -> target.get(type, contents.ids(type)));
        }
        contents.entries().forEach(found -> found.writeTo(target));
        byte[] credentials = contents.credentials();
        if (credentials != null) {
            target.saveCredentials(credentials);
        }
    }

    private void verify(SignalKeyStore target, Contents contents) {
        String difference;
        try {
            difference = Difference.between(contents, target.uncached());
            List<EntryId> damaged = difference == null ? target.verify() : List.of();
            if (!damaged.isEmpty()) {
                difference = "the record of " + damaged.get(0) + " is damaged"
                        + (damaged.size() == 1 ? "" : ", and " + (damaged.size() - 1) + " others");
            }
        } catch (KeyStoreException e) {
            throw new ImportNotVerifiedException(notVerified(target) + "it could not be read back", e);
        }
        if (difference != null) {
            throw new ImportNotVerifiedException(
                    notVerified(target) + difference + "; check what else writes to it, erase it and import again",
                    null);
        }
    }

    private String notVerified(KeyReader target) {
        return source + ": was imported into \"" + target.context() + "\", which does not hold the same: ";
    }
}
