package dev.keystore.core;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.core.ContextInspection.Damage;
import dev.keystore.core.ContextInspection.Kind;
import dev.keystore.core.ContextInspection.MoveState;
import dev.keystore.core.ContextInspection.SignedKey;
import dev.keystore.core.ContextInspection.Use;
import dev.keystore.spi.StoreSealing.Phase;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** What an operator should do about a context. */
final class Advice {

    /** Fewer one-time pre-keys than this are reported. */
    static final int FEW_PRE_KEYS = 10;

    /** Signed pre-keys that are older than this are reported, if there is no younger one. */
    static final Duration OLD_KEY = Duration.ofDays(30);

    /** Nothing can be copied out of a file whose structure is damaged. */
    private static final String FAILING =
            "keep a copy of the files of the store on another disk, look for the cause, and"
                    + " restore a backup (keystore restore), or link the device again";

    /** A backup holds the data keys as they were; nothing else opens the entries. */
    private static final String KEYS_UNREADABLE = "cannot be read: delete nothing, since its entries may be intact, and"
            + " restore a backup (keystore restore), or link the device again";

    private static final Map<String, String> DAMAGED = Map.ofEntries(
            Map.entry("session", "delete it; the next message starts a new session"),
            Map.entry("sender-key", "delete it; the member's key is sent again"),
            Map.entry("pre-key", "delete it, and upload new pre-keys"),
            Map.entry("signed-pre-key", "delete it, and upload a new signed pre-key"),
            Map.entry("kyber-pre-key", "delete it, and upload new Kyber pre-keys"),
            Map.entry("identity-key", "delete it; the next message stores it, and the user has to confirm it"),
            Map.entry("app-state-sync-key", "delete it, and synchronize the app state again"),
            Map.entry("app-state-sync-version", "delete it, and synchronize the app state again"),
            Map.entry("credentials", "link the device again"),
            Map.entry(
                    FreshnessEntry.ID.type(),
                    "the context cannot be opened with a freshness anchor: make sure that this is the newest copy of"
                            + " the store, and move the context to a new store without naming the anchor (keystore"
                            + " move)"),
            Map.entry(
                    StoreEntry.ID.type(),
                    "the store cannot be backed up, or opened with a freshness anchor: copy its contexts to a new store"
                            + " (keystore copy), and use only that one"));

    private Advice() {}

    static String forDamaged(Damage damage) {
        if (damage.kind() == Kind.NOT_LOADED) {
            return "the disk or the file is failing: " + FAILING;
        }
        if (damage.kind() == Kind.KEYS_UNREADABLE) {
            return "the data keys of the context " + KEYS_UNREADABLE;
        }
        return DAMAGED.getOrDefault(
                damage.entry().type(), "delete it, or write it again; see \"A damaged entry\" in docs/operating.md");
    }

    /** Returns what to do about a context, one sentence each; nothing if all is well. */
    static List<String> forContext(ContextInspection context, Optional<Phase> encryption, Instant now) {
        List<String> advice = new ArrayList<>();
        if (context.damaged().stream().anyMatch(each -> each.kind() == Kind.KEYS_UNREADABLE)) {
            advice.add("Its data keys " + KEYS_UNREADABLE + ".");
        } else if (context.damagedEntries() > 0) {
            if (context.damagedEntries() > 1) {
                advice.add("Several entries are damaged, so the disk or memory may be failing: back the store up to"
                        + " another disk first (keystore backup).");
            }
            advice.add("See the list of damaged entries for what to do about each.");
        }
        if (context.incomplete().isPresent()) {
            advice.add("Not everything could be read, so the disk or the file may be failing: " + FAILING + ".");
        }
        if (context.move().isEmpty()) {
            advice.addAll(forKeys(context, now));
        } else if (context.move().get().state() == MoveState.ARRIVING) {
            advice.add(
                    "Its move to this store has not ended: run keystore move again. If the store that it comes from is"
                            + " lost, see \"Moving to another backend\" in docs/operating.md.");
        }
        encryption
                .filter(phase -> phase != Phase.ENCRYPTED)
                .ifPresent(phase -> advice.add(
                        phase == Phase.ENCRYPTING
                                ? "The store is only partly encrypted: run keystore encrypt to complete it."
                                : "The store is being decrypted: run keystore decrypt to complete it."));
        return advice;
    }

    private static List<String> forKeys(ContextInspection context, Instant now) {
        if (!context.types().containsKey(KeyTypes.SIGNED_PRE_KEY.name())) {
            return List.of(); // not an account that others start sessions with
        }
        long left = context.preKeysLeft();
        Optional<String> few = left < FEW_PRE_KEYS
                ? Optional.of("One-time pre-keys left: " + left + ". The client should upload new ones.")
                : Optional.empty();
        return Stream.of(
                        few,
                        forAge(context, KeyTypes.SIGNED_PRE_KEY, "signed pre-key", now),
                        forAge(context, KeyTypes.KYBER_PRE_KEY, "Kyber pre-key of last resort", now))
                .flatMap(Optional::stream)
                .toList();
    }

    private static Optional<String> forAge(ContextInspection context, KeyType<?> type, String name, Instant now) {
        return context.signedKeys().stream()
                .filter(key -> key.entry().type().equals(type.name()) && key.use() == Use.MANY)
                .map(SignedKey::created)
                .flatMap(Optional::stream)
                .max(Instant::compareTo)
                .map(created -> Duration.between(created, now))
                .filter(age -> age.compareTo(OLD_KEY) > 0)
                .map(age -> "The newest " + name + " is " + age.toDays() + " days old. The client should replace it.");
    }
}
