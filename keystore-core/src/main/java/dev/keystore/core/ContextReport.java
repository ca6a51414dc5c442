package dev.keystore.core;

import dev.keystore.ContextPosition;
import dev.keystore.core.ContextInspection.Damage;
import dev.keystore.core.ContextInspection.Move;
import dev.keystore.core.ContextInspection.SignedKey;
import dev.keystore.core.ContextInspection.TypeContents;
import dev.keystore.spi.ContextOwner;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What was found in a context, with what an operator should do about it. The command {@code keystore inspect} and the
 * endpoint of {@code keystore-spring-boot-starter} show it. Contains no byte of a value.
 *
 * @param context what was found
 * @param advice what to do, one sentence each; empty if all is well
 * @param time when it was found, from which the ages of keys are counted
 */
public record ContextReport(ContextInspection context, List<String> advice, Instant time) {

    /**
     * Creates a report. The list is copied.
     *
     * @param context what was found
     * @param advice what to do, one sentence each
     * @param time when it was found
     */
    public ContextReport {
        advice = List.copyOf(advice);
    }

    /**
     * Creates the report of a context that was inspected.
     *
     * @param store the store that it was found in
     * @param context what was found
     * @param time when it was found
     * @return the report
     */
    public static ContextReport of(StoreInspection store, ContextInspection context, Instant time) {
        return new ContextReport(context, Advice.forContext(context, store.encryption(), time), time);
    }

    /**
     * Returns what to do about an entry that cannot be read.
     *
     * @param damage the entry
     * @return a part of a sentence
     */
    public static String advice(Damage damage) {
        return Advice.forDamaged(damage);
    }

    /**
     * Returns the report in the form of a JSON object: maps, lists, strings, numbers, truth values and nulls.
     *
     * @return a new map, in the order in which {@code keystore inspect --json} shows it
     */
    public Map<String, @Nullable Object> toMap() {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        map.put("context", context.context());
        map.put("entries", context.entries());
        map.put("bytes", context.bytes());
        map.put("types", types());
        map.put("preKeysLeft", context.preKeysLeft());
        map.put("kyberPreKeysLeft", context.kyberPreKeysLeft());
        map.put("sessionsByAge", sessionsByAge());
        map.put("signedKeys", context.signedKeys().stream().map(this::toMap).toList());
        map.put("owner", context.owner().map(ContextReport::toMap).orElse(null));
        map.put("lastCommit", context.position().map(ContextPosition::toString).orElse(null));
        map.put("move", context.move().map(ContextReport::toMap).orElse(null));
        map.put("damagedEntries", context.damagedEntries());
        map.put("damaged", context.damaged().stream().map(ContextReport::toMap).toList());
        map.put("incomplete", context.incomplete().orElse(null));
        map.put("entriesByKey", context.entriesByKey());
        map.put("advice", advice);
        return map;
    }

    /**
     * Returns an owner in the form of a JSON object.
     *
     * @param owner the owner
     * @return a new map
     */
    public static Map<String, Object> toMap(ContextOwner owner) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("process", owner.process());
        map.put("host", owner.host());
        map.put("since", owner.since().toString());
        map.put("alive", owner.alive());
        map.put("epoch", owner.epoch());
        return map;
    }

    /**
     * Returns a move in the form of a JSON object.
     *
     * @param move the move
     * @return a new map
     */
    public static Map<String, Object> toMap(Move move) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("state", move.state().name());
        map.put("target", move.target());
        return map;
    }

    private Map<String, Object> types() {
        Map<String, Object> map = new LinkedHashMap<>();
        context.types().forEach((type, contents) -> map.put(type, toMap(contents)));
        return map;
    }

    private Map<String, Object> sessionsByAge() {
        Map<String, Object> map = new LinkedHashMap<>();
        context.sessionsByAge().forEach((age, count) -> map.put(age.name(), count));
        return map;
    }

    private static Map<String, Object> toMap(TypeContents contents) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("entries", contents.entries());
        map.put("bytes", contents.bytes());
        map.put("largestBytes", contents.largestBytes());
        return map;
    }

    private Map<String, @Nullable Object> toMap(SignedKey key) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        map.put("type", key.entry().type());
        map.put("id", key.entry().id());
        map.put("use", key.use().name());
        map.put("created", key.created().map(Instant::toString).orElse(null));
        map.put(
                "ageDays",
                key.created()
                        .map(created -> Duration.between(created, time).toDays())
                        .orElse(null));
        return map;
    }

    /**
     * Returns an entry that cannot be read, with what to do about it, in the form of a JSON object.
     *
     * @param damage the entry
     * @return a new map
     */
    public static Map<String, Object> toMap(Damage damage) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("type", damage.entry().type());
        map.put("id", damage.entry().id());
        map.put("kind", damage.kind().name());
        map.put("reason", damage.reason());
        map.put("advice", advice(damage));
        return map;
    }
}
