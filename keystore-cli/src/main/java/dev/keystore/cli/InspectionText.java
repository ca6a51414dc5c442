package dev.keystore.cli;

import dev.keystore.KeyTypes;
import dev.keystore.core.ContextInspection;
import dev.keystore.core.ContextInspection.SessionAge;
import dev.keystore.core.ContextInspection.SignedKey;
import dev.keystore.spi.StoreSealing.Phase;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** What an inspection found, in words. */
final class InspectionText {

    private InspectionText() {}

    /** Returns the keys that are not used once. */
    static List<SignedKey> longLivedKeys(ContextInspection context) {
        return context.signedKeys().stream()
                .filter(key -> key.use() != ContextInspection.Use.ONCE)
                .toList();
    }

    /** Returns the age of a key in words. */
    static String age(SignedKey key, Instant now) {
        return key.created()
                .map(created -> Duration.between(created, now))
                .map(age -> age.isNegative()
                        ? "created in the future"
                        : (age.toDays() > 0 ? Text.count(age.toDays(), "day") : Text.count(age.toHours(), "hour"))
                                + " old")
                .orElse("unknown age");
    }

    /** Returns the numbers of sessions by their age in words. */
    static String sessions(ContextInspection context) {
        return context.sessionsByAge().entrySet().stream()
                .map(each -> age(each.getKey()) + " " + Text.number(each.getValue()))
                .collect(Collectors.joining(", "));
    }

    /** Returns an age of sessions in words. */
    static String age(SessionAge age) {
        return switch (age) {
            case UNDER_A_DAY -> "under a day";
            case UNDER_A_WEEK -> "under a week";
            case UNDER_30_DAYS -> "under 30 days";
            case UNDER_90_DAYS -> "under 90 days";
            case UNDER_A_YEAR -> "under a year";
            case A_YEAR_OR_MORE -> "a year or more";
            case UNKNOWN -> "unknown";
        };
    }

    /** Returns the number of damaged entries that an inspection counts, and does not name. */
    static long damagedNotNamed(ContextInspection context) {
        return context.damagedEntries() - context.damaged().size();
    }

    /** Returns a line about damaged entries that are not named, if there are some. */
    static Optional<String> furtherDamaged(ContextInspection context) {
        long further = damagedNotNamed(context);
        return further == 0
                ? Optional.empty()
                : Optional.of("and " + Text.count(further, "further damaged entry") + " of context \""
                        + Text.visible(context.context()) + "\"");
    }

    /** Returns what keeps a context from being opened, in words: that it was moved, or that its move has not ended. */
    static Optional<String> move(ContextInspection context) {
        return context.move().map(move -> switch (move.state()) {
            case ARRIVING -> "its move to this store has not ended";
            case MOVED -> "moved to " + move.target();
        });
    }

    static String use(SignedKey key) {
        return switch (key.use()) {
            case MANY -> key.entry().type().equals(KeyTypes.KYBER_PRE_KEY.name()) ? "last resort" : "signed";
            case ONCE -> "one-time";
            case UNKNOWN -> "use unknown";
        };
    }

    static String encryption(Optional<Phase> phase, boolean hidesNames) {
        return phase.map(each -> switch (each) {
                            case ENCRYPTING -> "being encrypted: values that are not encrypted yet are accepted";
                            case ENCRYPTED -> "encrypted";
                            case DECRYPTING -> "being decrypted: new values are not encrypted";
                        }
                        + (hidesNames ? ", names hidden" : ""))
                .orElse("not encrypted");
    }
}
