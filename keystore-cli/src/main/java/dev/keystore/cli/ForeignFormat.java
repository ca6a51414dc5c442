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
import org.jspecify.annotations.Nullable;

/** The formats that accounts are imported from and exported to: one constant each. */
enum ForeignFormat {
    BAILEYS(SessionFormat.BAILEYS) {
        @Override
        ForeignStore at(Path path, String account) {
            return BaileysFolder.at(path);
        }
    },
    BAILEYS_SQLITE(null) {
        @Override
        ForeignStore at(Path path, String account) {
            return BaileysDatabase.at(path);
        }
    },
    WHATSMEOW(null) {
        @Override
        boolean holdsSeveral() {
            return true;
        }

        @Override
        List<String> accounts(Path path) {
            return WhatsmeowDatabase.devices(path);
        }

        @Override
        ForeignStore at(Path path, String account) {
            return WhatsmeowDatabase.at(path, account);
        }
    },
    JSONL(SessionFormat.LIBSIGNAL) {
        @Override
        ForeignStore at(Path path, String account) {
            return JsonLinesFile.at(path);
        }
    };

    private final @Nullable SessionFormat exportedSessions;

    /**
     * A format.
     *
     * @param exportedSessions what sessions are converted to for an export; null if it can only be imported
     */
    ForeignFormat(@Nullable SessionFormat exportedSessions) {
        this.exportedSessions = exportedSessions;
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

    /** Returns whether a store can hold several accounts. */
    boolean holdsSeveral() {
        return false;
    }

    /** Lists the accounts of a store that can hold several. */
    List<String> accounts(Path path) {
        return List.of();
    }

    /** Names an account in a store; nothing is read yet. */
    abstract ForeignStore at(Path path, String account);

    /**
     * Names an account in a store, or the only one.
     *
     * @param account which one; null if there is one only
     * @throws Refusal if it has to be named, or must not be
     */
    ForeignStore open(Path path, @Nullable String account) {
        if (!holdsSeveral()) {
            if (account != null) {
                throw new Refusal("The format " + this + " holds one account, so --account is not accepted");
            }
            return at(path, "");
        }
        List<String> accounts = accounts(path);
        if (account == null && accounts.size() == 1) {
            return at(path, accounts.get(0));
        }
        if (account == null || !accounts.contains(account)) {
            throw new Refusal(path + " holds " + Text.count(accounts.size(), "account")
                    + "; name one of them with --account: " + String.join(", ", accounts));
        }
        return at(path, account);
    }
}
