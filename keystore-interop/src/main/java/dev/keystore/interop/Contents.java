package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.Codec;
import dev.keystore.EntryId;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.KeyWriter;
import dev.keystore.interop.TransferItem.Fate;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The entries of one account, and what became of each part of the place that they were read from. */
final class Contents {

    /** The name of the credentials among the types of a report. */
    static final String CREDENTIALS = "credentials";

    private static final int MAXIMUM_ID_CHARACTERS = 1_024;

    private final Map<EntryId, Found<?>> entries =
            new TreeMap<>(Comparator.comparing(EntryId::type).thenComparing(EntryId::id));
    private final List<TransferItem> items = new ArrayList<>();
    private final String source;
    private final Limits limits;
    private long bytes;
    private byte @Nullable [] credentials;

    /** Contents without limits. */
    Contents() {
        this("", Limits.NONE);
    }

    /** Contents of a source, which throw {@link ForeignStoreException} once they hold more than the limits allow. */
    Contents(String source, Limits limits) {
        this.source = source;
        this.limits = limits;
    }

    /** What is kept in memory at most: more than an account has, so that a hostile source does not fill it. */
    record Limits(int items, long bytes) {

        static final Limits OF_SOURCES = new Limits(2_000_000, 1L << 30);

        static final Limits NONE = new Limits(Integer.MAX_VALUE, Long.MAX_VALUE);
    }

    /** An entry, and its value as the codec of its type encodes it. */
    record Found<V>(KeyType<V> type, String id, V value, byte[] encoded) {

        void writeTo(KeyWriter writer) {
            writer.put(type, id, value);
        }
    }

    /** Adds an entry that the item {@code name} holds. */
    <V> void add(String name, KeyType<V> type, String id, V value, String reason) throws DamagedException {
        checkId(id);
        EntryId entry = new EntryId(type.name(), id);
        if (entries.containsKey(entry)) {
            throw new DamagedException("the same type and id were found before: " + entry);
        }
        byte[] encoded = encode(type.codec(), value);
        entries.put(entry, new Found<>(type, id, value, encoded));
        bytes += encoded.length;
        addItem(new TransferItem(name, Fate.CARRIED, type.name(), id, reason));
    }

    private static <V> byte[] encode(Codec<V> codec, V value) throws DamagedException {
        try {
            return codec.encode(value);
        } catch (IllegalArgumentException e) {
            throw new DamagedException("a text in it is not well-formed Unicode");
        }
    }

    private static void checkId(String id) throws DamagedException {
        if (id.isBlank() || id.codePointCount(0, id.length()) > MAXIMUM_ID_CHARACTERS) {
            throw new DamagedException("an id must have 1 to " + MAXIMUM_ID_CHARACTERS + " characters, not all blank");
        }
        if (!UTF_8.newEncoder().canEncode(id)) {
            throw new DamagedException("its id is not well-formed Unicode");
        }
    }

    void addCredentials(String name, byte[] value, String reason) throws DamagedException {
        if (credentials != null) {
            throw new DamagedException("credentials were found before");
        }
        credentials = value;
        bytes += value.length;
        addItem(new TransferItem(name, Fate.CARRIED, CREDENTIALS, "", reason));
    }

    /** Adds the entry of an item that other contents hold. */
    void addFrom(Contents others, TransferItem item) throws DamagedException {
        Found<?> found = others.entry(item.type(), item.id());
        if (found != null) {
            add(found);
        } else if (others.credentials != null) {
            addCredentials(item.name(), others.credentials, "");
        }
    }

    /** Adds an entry that other contents hold. */
    <V> void add(Found<V> found) throws DamagedException {
        add(found.type() + "/" + found.id(), found.type(), found.id(), found.value(), "");
    }

    /** Names an item that the target will not hold. */
    void leave(String name, Fate fate, String type, String id, String reason) {
        addItem(new TransferItem(name, fate, type, id, reason));
    }

    private void addItem(TransferItem item) {
        items.add(item);
        if (items.size() > limits.items() || bytes > limits.bytes()) {
            throw new ForeignStoreException(
                    source + ": could not import it: at " + item.name() + ", it has more than " + limits.items()
                            + " items or " + limits.bytes() + " bytes; check that it is the store of one account",
                    null);
        }
    }

    byte @Nullable [] credentials() {
        return credentials;
    }

    Collection<Found<?>> entries() {
        return entries.values();
    }

    @Nullable
    Found<?> entry(String type, String id) {
        return id.isEmpty() ? null : entries.get(new EntryId(type, id));
    }

    /** Returns the ids of a type, sorted. */
    List<String> ids(KeyType<?> type) {
        return entries.values().stream()
                .filter(found -> found.type().equals(type))
                .map(Found::id)
                .toList();
    }

    boolean isEmpty() {
        return entries.isEmpty() && credentials == null;
    }

    /** Returns the items, in the order of their names. */
    List<TransferItem> items() {
        return items.stream().sorted(Comparator.comparing(TransferItem::name)).toList();
    }

    /** Returns the types of the entries, and all standard types. */
    Collection<KeyType<?>> types() {
        Map<String, KeyType<?>> types = new LinkedHashMap<>();
        KeyTypes.all().forEach(type -> types.put(type.name(), type));
        entries.values().forEach(found -> types.putIfAbsent(found.type().name(), found.type()));
        return types.values();
    }

    Map<String, EntryDigest> digests() {
        Map<String, List<Found<?>>> byType = new LinkedHashMap<>();
        entries.values()
                .forEach(found -> byType.computeIfAbsent(found.type().name(), type -> new ArrayList<>())
                        .add(found));
        Map<String, EntryDigest> digests = new LinkedHashMap<>();
        byType.forEach((type, founds) -> digests.put(type, digest(founds)));
        if (credentials != null) {
            digests.put(CREDENTIALS, digest(List.of(new Found<>(KeyTypes.SESSION, "", credentials, credentials))));
        }
        return digests;
    }

    private static EntryDigest digest(List<Found<?>> founds) {
        MessageDigest sha256 = Sha256.digest();
        long bytes = 0;
        for (Found<?> found : founds) {
            for (byte[] part : List.of(found.id().getBytes(UTF_8), found.encoded())) {
                sha256.update(
                        ByteBuffer.allocate(Integer.BYTES).putInt(part.length).array());
                sha256.update(part);
            }
            bytes += found.encoded().length;
        }
        return new EntryDigest(founds.size(), bytes, HexFormat.of().formatHex(sha256.digest()));
    }
}
