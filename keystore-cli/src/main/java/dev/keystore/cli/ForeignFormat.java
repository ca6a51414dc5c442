package dev.keystore.cli;

import dev.keystore.interop.BaileysDatabase;
import dev.keystore.interop.BaileysExFolder;
import dev.keystore.interop.BaileysFolder;
import dev.keystore.interop.ForeignStore;
import dev.keystore.interop.JsonLinesFile;
import dev.keystore.interop.SessionFormat;
import dev.keystore.interop.SignalCliAccount;
import dev.keystore.interop.WhatsmeowDatabase;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The formats that accounts are imported from and exported to: one constant each. */
enum ForeignFormat {
    BAILEYS(SessionFormat.BAILEYS) {
        @Override
        ForeignStore at(ForeignSource source, String account) {
            return BaileysFolder.at(source.path());
        }
    },
    BAILEYS_SQLITE(null) {
        @Override
        ForeignStore at(ForeignSource source, String account) {
            return BaileysDatabase.at(source.path());
        }
    },
    BAILEYS_EX(null) {
        @Override
        ForeignStore at(ForeignSource source, String account) {
            return BaileysExFolder.at(source.path());
        }
    },
    SIGNAL_CLI(null) {
        @Override
        boolean holdsSeveral() {
            return true;
        }

        @Override
        List<String> accounts(ForeignSource source) {
            Path file = source.path();
            if (Files.isDirectory(file)) {
                throw new Refusal(file + " is a folder; name the file of one account: "
                        + SignalCliAccount.accounts(file).stream()
                                .map(Path::toString)
                                .collect(Collectors.joining(", ")));
            }
            return List.of(ACI, PNI);
        }

        @Override
        ForeignStore at(ForeignSource source, String account) {
            SignalCliAccount named = SignalCliAccount.at(source.path());
            return account.equals(PNI) ? named.pni() : named;
        }
    },
    WHATSMEOW(null) {
        @Override
        boolean holdsSeveral() {
            return true;
        }

        @Override
        List<String> accounts(ForeignSource source) {
            return source.isDatabase()
                    ? WhatsmeowDatabase.devices(source.text(), source.properties())
                    : WhatsmeowDatabase.devices(source.path());
        }

        @Override
        ForeignStore at(ForeignSource source, String account) {
            return source.isDatabase()
                    ? WhatsmeowDatabase.postgres(source.text(), source.properties(), account)
                    : WhatsmeowDatabase.at(source.path(), account);
        }
    },
    JSONL(SessionFormat.LIBSIGNAL) {
        @Override
        ForeignStore at(ForeignSource source, String account) {
            return JsonLinesFile.at(source.path());
        }
    };

    private static final String ACI = "aci";
    private static final String PNI = "pni";

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
    List<String> accounts(ForeignSource source) {
        return List.of();
    }

    /** Names an account in a store; nothing is read yet. */
    abstract ForeignStore at(ForeignSource source, String account);

    /**
     * Names an account in a store, or the only one.
     *
     * @param accounts what {@link #accounts} has listed
     * @param account which one; null if there is one only
     * @throws Refusal if it has to be named, or must not be
     */
    ForeignStore open(ForeignSource source, List<String> accounts, @Nullable String account) {
        if (!holdsSeveral()) {
            if (account != null) {
                throw new Refusal("The format " + this + " holds one account, so --account is not accepted");
            }
            return at(source, "");
        }
        if (account == null && accounts.size() == 1) {
            return at(source, accounts.get(0));
        }
        if (account == null || !accounts.contains(account)) {
            throw new Refusal(source + " holds " + Text.count(accounts.size(), "account")
                    + "; name one of them with --account: " + String.join(", ", accounts));
        }
        return at(source, account);
    }
}
