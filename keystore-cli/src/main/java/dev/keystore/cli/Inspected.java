package dev.keystore.cli;

import dev.keystore.ContextPosition;
import dev.keystore.KeyTypes;
import dev.keystore.core.ContextInspection;
import dev.keystore.core.ContextInspection.SignedKey;
import dev.keystore.spi.StoreSealing.Phase;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A context that was inspected, with what to do.
 *
 * @param entriesByKey the number of entries by the key that they are encrypted with
 * @param advice one sentence each
 */
record Inspected(ContextInspection context, Map<String, Long> entriesByKey, List<String> advice) {

    private static final String ONE_TIME_KYBER = "libsignal-one-time-kyber-pre-key";

    /** Returns the keys that are not used once. */
    List<SignedKey> longLivedKeys() {
        return context.signedKeys().stream()
                .filter(key -> key.use() != ContextInspection.Use.ONCE)
                .toList();
    }

    long preKeysLeft() {
        return context.entries(KeyTypes.PRE_KEY.name());
    }

    long kyberPreKeysLeft() {
        return context.entries(ONE_TIME_KYBER);
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

    static String use(SignedKey key) {
        return switch (key.use()) {
            case MANY -> key.entry().type().equals(KeyTypes.KYBER_PRE_KEY.name()) ? "last resort" : "signed";
            case ONCE -> "one-time";
            case UNKNOWN -> "use unknown";
        };
    }

    Map<String, Object> json(Instant now) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("context", context.context());
        json.put("entries", context.entries());
        json.put("bytes", context.bytes());
        json.put("types", types());
        json.put("preKeysLeft", preKeysLeft());
        json.put("kyberPreKeysLeft", kyberPreKeysLeft());
        json.put("signedKeys", signedKeys(now));
        json.put("owner", Owners.json(context.owner().orElse(null)));
        json.put("lastCommit", context.position().map(ContextPosition::toString).orElse(null));
        json.put("damagedEntries", context.damagedEntries());
        json.put("damaged", damaged());
        json.put("incomplete", context.incomplete().orElse(null));
        json.put("entriesByKey", entriesByKey);
        json.put("advice", advice);
        return json;
    }

    private Map<String, Object> types() {
        Map<String, Object> json = new LinkedHashMap<>();
        context.types()
                .forEach((type, contents) -> json.put(
                        type,
                        Map.of(
                                "entries",
                                contents.entries(),
                                "bytes",
                                contents.bytes(),
                                "largestBytes",
                                contents.largestBytes())));
        return json;
    }

    private List<Map<String, Object>> signedKeys(Instant now) {
        List<Map<String, Object>> json = new ArrayList<>();
        for (SignedKey key : context.signedKeys()) {
            Map<String, Object> each = new LinkedHashMap<>();
            each.put("type", key.entry().type());
            each.put("id", key.entry().id());
            each.put("use", key.use());
            each.put("created", key.created().orElse(null));
            each.put(
                    "ageDays",
                    key.created()
                            .map(created -> Duration.between(created, now).toDays())
                            .orElse(null));
            json.add(each);
        }
        return json;
    }

    private List<Map<String, Object>> damaged() {
        List<Map<String, Object>> json = new ArrayList<>();
        context.damaged().forEach(damage -> {
            Map<String, Object> each = new LinkedHashMap<>();
            each.put("type", damage.entry().type());
            each.put("id", damage.entry().id());
            each.put("kind", damage.kind());
            each.put("reason", damage.reason());
            each.put("advice", Advice.forDamaged(damage));
            json.add(each);
        });
        return json;
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
