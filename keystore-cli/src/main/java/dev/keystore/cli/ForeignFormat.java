package dev.keystore.cli;

import dev.keystore.interop.BaileysDatabase;
import dev.keystore.interop.BaileysFolder;
import dev.keystore.interop.ForeignStore;
import dev.keystore.interop.JsonLinesFile;
import dev.keystore.interop.SessionFormat;
import dev.keystore.interop.WhatsmeowDatabase;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The formats that accounts are imported from and exported to: one constant each. */
enum ForeignFormat {
    BAILEYS(SessionFormat.BAILEYS, BaileysFolder::at),
    BAILEYS_SQLITE(null, BaileysDatabase::at),
    WHATSMEOW(null, WhatsmeowDatabase::devices, WhatsmeowDatabase::at),
    JSONL(SessionFormat.LIBSIGNAL, JsonLinesFile::at);

    private final @Nullable SessionFormat exportedSessions;
    private final @Nullable Function<Path, List<String>> accounts;
    private final Place place;

    /** Names a store; nothing is read yet. */
    private interface Place {
        ForeignStore at(Path path, String account);
    }

    /** A format that holds one account. */
    ForeignFormat(@Nullable SessionFormat exportedSessions, Function<Path, ForeignStore> place) {
        this(exportedSessions, null, (path, account) -> place.apply(path));
    }

    /**
     * Any format.
     *
     * @param exportedSessions what sessions are converted to for an export; null if it can only be imported
     * @param accounts lists the accounts that a store holds; null if it always holds one
     */
    ForeignFormat(
            @Nullable SessionFormat exportedSessions, @Nullable Function<Path, List<String>> accounts, Place place) {
        this.exportedSessions = exportedSessions;
        this.accounts = accounts;
        this.place = place;
    }

    /** Returns the name on the command line. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Returns what sessions are converted to for an export; null if it can only be imported. */
    @Nullable
    SessionFormat exportedSessions() {
        return exportedSessions;
    }

    /** Lists the accounts of a store, or nothing if it always holds one. */
    List<String> accounts(Path path) {
        return accounts == null ? List.of() : accounts.apply(path);
    }

    /**
     * Names an account in a store.
     *
     * @param account which one; null if there is one only
     * @throws Refusal if it has to be named, or must not be
     */
    ForeignStore open(Path path, @Nullable String account) {
        List<String> known = accounts(path);
        if (accounts == null) {
            if (account != null) {
                throw new Refusal("The format " + this + " holds one account, so --account is not accepted");
            }
            return place.at(path, "");
        }
        if (account == null && known.size() == 1) {
            return place.at(path, known.get(0));
        }
        if (account == null || !known.contains(account)) {
            throw new Refusal(path + " holds " + Text.count(known.size(), "account")
                    + "; name one of them with --account: " + String.join(", ", known));
        }
        return place.at(path, account);
    }
}
