package dev.keystore.interop;

import dev.keystore.KeyReader;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.interop.Contents.Limits;
import dev.keystore.interop.ForeignStore.Reading;
import dev.keystore.interop.TransferItem.Fate;
import dev.keystore.interop.TransferReport.Outcome;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Exports an account to another store.
 *
 * <pre>{@code
 * TransferReport report = AccountExport.from(database.forContext("alice"))
 *         .to(BaileysFolder.at(Path.of("auth_info_baileys")));
 * }</pre>
 *
 * <p>Each entry is exported, or named in the report with the reason why not. The context is not changed. What was
 * written is read back and compared with the context in both directions (R91, R93); if the context changed meanwhile,
 * the export fails.
 *
 * <p><b>The context must not be used any more</b> once the account is used from the target: two copies of one account
 * that are both used break its conversations. Erase it.
 *
 * <p>All entries of the account are in memory at once. Blocks until everything is done. Not thread-safe.
 */
public final class AccountExport {

    private final KeyReader source;
    private final Map<String, KeyType<?>> types = new LinkedHashMap<>();
    private @Nullable SessionFormat format;
    private Consumer<? super TransferProgress> listener = progress -> {};

    private AccountExport(KeyReader source) {
        this.source = source;
        KeyTypes.all().forEach(this::including);
    }

    /**
     * Begins to describe an export of all entries of the standard types and of those that the target keeps by itself,
     * and of the credentials.
     *
     * @param source the store of the context to export
     * @return an export; nothing happens until {@link #to} or {@link #dryRun}
     */
    public static AccountExport from(KeyReader source) {
        return new AccountExport(Objects.requireNonNull(source, "source"));
    }

    /**
     * Adds a type of the application. Types that are not added are not exported, and not named either, since a context
     * cannot list its types. {@code StoreInspection.inspect} of the module {@code keystore-core} can, so an export of
     * everything that a context holds adds each type that it found, as bytes. A type with the name of a standard one,
     * or of one that was added before, changes nothing, and neither does {@code credentials}.
     *
     * @param type a type
     * @return this export
     */
    public AccountExport including(KeyType<?> type) {
        if (!Objects.requireNonNull(type, "type").name().equals(Contents.CREDENTIALS)) {
            types.putIfAbsent(type.name(), type);
        }
        return this;
    }

    /**
     * Converts sessions and sender keys to another form, usually that of the client that the target belongs to. By
     * default, they are written as they are. What cannot be converted is named.
     *
     * @param target the form
     * @return this export
     */
    public AccountExport convertingSessionsTo(SessionFormat target) {
        format = Objects.requireNonNull(target, "target");
        return this;
    }

    /**
     * Registers a listener that is called with the progress, on the calling thread; what it throws ends the export.
     *
     * @param progress the listener, in place of any former one
     * @return this export
     */
    public AccountExport listener(Consumer<? super TransferProgress> progress) {
        listener = Objects.requireNonNull(progress, "progress");
        return this;
    }

    /**
     * Exports the account, and verifies what was written.
     *
     * @param target what to write; it must not exist yet
     * @return what was done, with everything that was not exported
     * @throws ForeignStoreException if the target exists, cannot be written or cannot be read back, or the context was
     *     changed meanwhile; in the last two cases, delete the target, which the message names
     * @throws KeyStoreException if the context cannot be read; nothing was written
     */
    public TransferReport to(ForeignStore target) {
        Contents contents = contents(target);
        Written written = write(contents, target, false);
        Contents carried = written.carried();
        Contents found = target.read(new Reading(true, types.values(), listener, Limits.NONE))
                .contents();
        String difference = Difference.between(carried, found);
        if (difference == null) {
            // Bypassing the cache, which the first reading has filled.
            KeyReader stored = source instanceof SignalKeyStore store ? store.uncached() : source;
            difference = Difference.between(contents, stored);
        }
        if (difference != null) {
            throw new ForeignStoreException(
                    target + ": was exported from \"" + source.context() + "\", and does not hold the same: "
                            + difference
                            + "; stop what uses the context, delete what was exported, and export it again",
                    null);
        }
        return report(target, written, false);
    }

    /**
     * Reports what {@link #to} would do, and changes nothing (R94).
     *
     * <p>Opening a context takes it over from its last owner. {@code StoreInspection.read} of the module
     * {@code keystore-core} provides a reader that does not, for {@link #from}.
     *
     * @param target what to write
     * @return what would be done
     * @throws ForeignStoreException if the target exists
     * @throws KeyStoreException if the context cannot be read
     */
    public TransferReport dryRun(ForeignStore target) {
        return report(target, write(contents(target), target, true), true);
    }

    /** What the target is to hold, and what became of each entry. */
    private record Written(Contents carried, List<TransferItem> items) {}

    private Written write(Contents contents, ForeignStore target, boolean dryRun) {
        if (format == null) {
            List<TransferItem> items = target.write(contents, source.context(), dryRun);
            return new Written(carried(contents, items), items);
        }
        SessionConversion conversion = SessionConversion.of(contents, format, System.currentTimeMillis());
        List<TransferItem> items = target.write(conversion.contents(), source.context(), dryRun);
        Contents carried = carried(conversion.contents(), items);
        List<TransferItem> all = new ArrayList<>(items);
        all.addAll(conversion.refused(contents.items()));
        return new Written(carried, conversion.items(all));
    }

    private Contents contents(ForeignStore target) {
        Map<String, KeyType<?>> all = new LinkedHashMap<>(types);
        target.additionalTypes().forEach(type -> all.putIfAbsent(type.name(), type));
        Contents contents = new Contents();
        try {
            for (KeyType<?> type : all.values()) {
                addAll(type, contents);
            }
            byte[] credentials = source.credentials().orElse(null);
            if (credentials != null) {
                contents.addCredentials(Contents.CREDENTIALS, credentials, "");
            }
        } catch (DamagedException e) {
            throw new IllegalStateException("A context returned an entry that it cannot hold: " + e.reason(), e);
        }
        return contents;
    }

    private <V> void addAll(KeyType<V> type, Contents contents) throws DamagedException {
        Collection<String> names;
        try (Stream<String> ids = source.ids(type, "")) {
            names = ids.toList();
        }
        long done = contents.entries().size();
        for (Map.Entry<String, V> value : source.get(type, names).entrySet()) {
            contents.add(type + "/" + value.getKey(), type, value.getKey(), value.getValue(), "");
            listener.accept(new TransferProgress(++done, 0));
        }
    }

    /** Returns what the target is to hold. */
    private static Contents carried(Contents contents, List<TransferItem> items) {
        Contents carried = new Contents();
        try {
            for (TransferItem item : items) {
                if (item.fate() == Fate.CARRIED) {
                    carried.addFrom(contents, item);
                }
            }
        } catch (DamagedException e) {
            throw new IllegalStateException("An entry was exported twice: " + e.reason(), e);
        }
        return carried;
    }

    private TransferReport report(ForeignStore target, Written written, boolean dryRun) {
        Contents carried = written.carried();
        Outcome outcome = carried.isEmpty() ? Outcome.NOTHING_FOUND : Outcome.WRITTEN;
        return new TransferReport(
                source.context(), target.toString(), dryRun, outcome, written.items(), carried.digests());
    }
}
