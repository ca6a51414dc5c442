package dev.keystore.libsignal;

import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import dev.keystore.UnreadableEntryException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.ToLongFunction;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

/**
 * The upkeep of pre-keys within a transaction: which are left, which are to be uploaded, which are due to be replaced
 * and which nobody can use any more.
 */
final class PreKeyLifecycle {

    private final Transaction tx;
    private final PreKeyFactory factory;
    private final AccountOptions options;
    private final PreKeys preKeys;
    private final SignedPreKeys signedPreKeys;
    private final KyberPreKeys kyberPreKeys;

    PreKeyLifecycle(Transaction tx, PreKeyFactory factory, AccountOptions options) {
        this.tx = tx;
        this.factory = factory;
        this.options = options;
        preKeys = new PreKeys(tx);
        signedPreKeys = new SignedPreKeys(tx);
        kyberPreKeys = new KyberPreKeys(tx);
    }

    PreKeyCounts counts() {
        return new PreKeyCounts(
                left(PreKeyKind.ONE_TIME).size(),
                ids(PreKeyKind.SIGNED).size(),
                left(PreKeyKind.ONE_TIME_KYBER).size(),
                ids(PreKeyKind.LAST_RESORT_KYBER).size());
    }

    OptionalInt uploadedUpTo(PreKeyKind kind) {
        return log(kind).map(log -> OptionalInt.of(log.uploadedUpTo())).orElseGet(OptionalInt::empty);
    }

    /** Generates and stores pre-keys of all kinds. */
    PreKeyUpload generate(int count) {
        startLogs();
        return factory.upload(count);
    }

    /**
     * Rotates, replenishes and sweeps.
     *
     * @param onServer how many one-time keys the server has left, or empty to rely on how many are left here
     * @return what is to be uploaded, if anything
     */
    Optional<PreKeyUpload> replenish(OptionalInt onServer, OptionalInt kyberOnServer) {
        startLogs();
        boolean isStale = Restored.isSet(tx); // then nobody can use what the server has
        boolean restored = isStale
                && pending(PreKeyKind.ONE_TIME).isEmpty()
                && pending(PreKeyKind.ONE_TIME_KYBER).isEmpty();
        if (restored || isDue(currentSigned(), SignedPreKeyRecord::getTimestamp)) {
            factory.signedPreKey();
        }
        if (restored || isDue(currentLastResort(), KyberPreKeyRecord::getTimestamp)) {
            factory.lastResortKyberPreKey();
        }
        if (isLow(PreKeyKind.ONE_TIME, isStale ? OptionalInt.of(0) : onServer)) {
            factory.preKeys(options.preKeyBatch());
        }
        if (isLow(PreKeyKind.ONE_TIME_KYBER, isStale ? OptionalInt.of(0) : kyberOnServer)) {
            factory.oneTimeKyberPreKeys(options.preKeyBatch());
        }
        sweep();
        return pendingUpload();
    }

    /** Returns what is to be uploaded, if anything, with the current keys of the kinds that are used many times. */
    Optional<PreKeyUpload> pendingUpload() {
        Optional<SignedPreKeyRecord> signed = currentSigned();
        Optional<KyberPreKeyRecord> lastResort = currentLastResort();
        if (signed.isEmpty() || lastResort.isEmpty()) {
            return Optional.empty();
        }
        PreKeyUpload upload = new PreKeyUpload(
                loaded(PreKeyKind.ONE_TIME, preKeys::loadPreKey),
                signed.get(),
                loaded(PreKeyKind.ONE_TIME_KYBER, kyberPreKeys::loadKyberPreKey),
                lastResort.get());
        boolean isNeeded = Restored.isSet(tx)
                || !upload.preKeys().isEmpty()
                || !upload.kyberPreKeys().isEmpty()
                || isPending(PreKeyKind.SIGNED, signed.get().getId())
                || isPending(PreKeyKind.LAST_RESORT_KYBER, lastResort.get().getId());
        return isNeeded ? Optional.of(upload) : Optional.empty();
    }

    /** Records an upload, unless it is of a former identity, whose pre-keys were deleted. */
    void confirm(PreKeyUpload upload) {
        if (!isStored(upload.signedPreKey())) {
            return;
        }
        confirm(
                PreKeyKind.ONE_TIME,
                upload.preKeys().stream().map(PreKeyRecord::getId).toList());
        confirm(PreKeyKind.SIGNED, List.of(upload.signedPreKey().getId()));
        confirm(
                PreKeyKind.ONE_TIME_KYBER,
                upload.kyberPreKeys().stream().map(KyberPreKeyRecord::getId).toList());
        confirm(
                PreKeyKind.LAST_RESORT_KYBER,
                List.of(upload.lastResortKyberPreKey().getId()));
        Restored.clear(tx);
    }

    private boolean isStored(SignedPreKeyRecord uploaded) {
        return load(uploaded.getId(), signedPreKeys::loadSignedPreKey)
                .filter(stored -> Arrays.equals(stored.serialize(), uploaded.serialize()))
                .isPresent();
    }

    private void confirm(PreKeyKind kind, List<Integer> uploaded) {
        int last = last(kind);
        uploaded.stream()
                .min(Comparator.comparingInt(id -> PreKeyLog.age(id, last)))
                .ifPresent(newest -> save(
                        kind,
                        log(kind)
                                .map(log -> log.withUpload(
                                        newest, last, options.clock().instant()))
                                .orElseGet(() -> new PreKeyLog(newest))));
    }

    /** Returns the signed pre-key that was generated last. */
    Optional<SignedPreKeyRecord> currentSigned() {
        return newest(PreKeyKind.SIGNED, signedPreKeys::loadSignedPreKey);
    }

    /** Returns the last-resort Kyber pre-key that was generated last. */
    Optional<KyberPreKeyRecord> currentLastResort() {
        return newest(PreKeyKind.LAST_RESORT_KYBER, kyberPreKeys::loadKyberPreKey);
    }

    private <R> boolean isDue(Optional<R> current, ToLongFunction<R> timestamp) {
        Instant latest = options.clock().instant().minus(options.rotateAfter());
        return current.filter(record -> timestamp.applyAsLong(record) > latest.toEpochMilli())
                .isEmpty();
    }

    private boolean isLow(PreKeyKind kind, OptionalInt onServer) {
        int available = onServer.isPresent()
                ? onServer.getAsInt() + pending(kind).size()
                : left(kind).size();
        return available < options.preKeyFloor();
    }

    /** Deletes the keys that no message can be expected to need any more. */
    private void sweep() {
        Instant now = options.clock().instant();
        for (PreKeyKind kind : PreKeyKind.values()) {
            Instant latest = now.minus(kind.isOneTime() ? options.staleAfter() : options.keepFormerFor());
            int kept = kind.isOneTime() ? options.staleKept() : 1;
            PreKeyLog log = log(kind).orElseThrow();
            int last = last(kind);
            ids(kind).stream()
                    .skip(kept)
                    .filter(id -> log.isReplaced(id, last, latest) || log.isHandedOut(id, latest))
                    .forEach(id -> remove(kind, id));
            save(kind, log.sweptUpTo(latest, stored(kind)));
        }
    }

    private void remove(PreKeyKind kind, int id) {
        switch (kind) {
            case ONE_TIME -> preKeys.removePreKey(id);
            case SIGNED -> signedPreKeys.removeSignedPreKey(id);
            case ONE_TIME_KYBER, LAST_RESORT_KYBER -> kyberPreKeys.remove(id);
        }
    }

    /** Returns the ids of a kind whose keys exist, those issued last first. */
    private List<Integer> ids(PreKeyKind kind) {
        List<Integer> ids = new ArrayList<>(stored(kind));
        int last = last(kind);
        ids.sort(Comparator.comparingInt(id -> PreKeyLog.age(id, last)));
        return ids;
    }

    private List<Integer> stored(PreKeyKind kind) {
        return switch (kind) {
            case ONE_TIME, SIGNED -> Ids.numbers(tx, kind.type());
            case ONE_TIME_KYBER -> Ids.numbers(tx, KyberPreKeys.ONE_TIME);
            case LAST_RESORT_KYBER -> {
                Set<Integer> oneTime = new HashSet<>(Ids.numbers(tx, KyberPreKeys.ONE_TIME));
                yield Ids.numbers(tx, KeyTypes.KYBER_PRE_KEY).stream()
                        .filter(id -> !oneTime.contains(id))
                        .toList();
            }
        };
    }

    private List<Integer> left(PreKeyKind kind) {
        int last = last(kind);
        Instant now = options.clock().instant();
        Optional<PreKeyLog> log = log(kind);
        return ids(kind).stream()
                .filter(id -> log.isEmpty() || !log.get().isReplaced(id, last, now))
                .toList();
    }

    private List<Integer> pending(PreKeyKind kind) {
        return ids(kind).stream().filter(id -> isPending(kind, id)).toList();
    }

    private boolean isPending(PreKeyKind kind, int id) {
        int last = last(kind);
        return log(kind).filter(log -> log.isPending(id, last)).isPresent();
    }

    private <R> Optional<R> newest(PreKeyKind kind, Loader<R> loader) {
        return ids(kind).stream()
                .map(id -> load(id, loader))
                .flatMap(Optional::stream)
                .findFirst();
    }

    /** Returns the keys that are to be uploaded, in the order of their ids, without damaged ones. */
    private <R> List<R> loaded(PreKeyKind kind, Loader<R> loader) {
        List<R> records = new ArrayList<>();
        for (int id : pending(kind)) {
            load(id, loader).ifPresent(record -> records.add(0, record));
        }
        return records;
    }

    private static <R> Optional<R> load(int id, Loader<R> loader) {
        try {
            return Optional.of(loader.load(id));
        } catch (InvalidKeyIdException | UnreadableEntryException e) {
            return Optional.empty();
        }
    }

    /** Begins the logs. The keys that exist by then count as uploaded. */
    private void startLogs() {
        for (PreKeyKind kind : PreKeyKind.values()) {
            if (log(kind).isEmpty()) {
                save(kind, new PreKeyLog(factory.ids().start(kind.type())));
            }
        }
    }

    private Optional<PreKeyLog> log(PreKeyKind kind) {
        return tx.find(PreKeyLog.TYPE, kind.name());
    }

    private void save(PreKeyKind kind, PreKeyLog log) {
        if (!log(kind).equals(Optional.of(log))) {
            tx.put(PreKeyLog.TYPE, kind.name(), log);
            if (kind.isOneTime() && !log.replaced().isEmpty()) {
                int id = log.replaced().get(log.replaced().size() - 1).upTo();
                byte[] bytes = ByteBuffer.allocate(Integer.BYTES).putInt(id).array();
                tx.put(PreKeyLog.REPLACED_UP_TO, kind.name(), bytes);
            }
        }
    }

    private int last(PreKeyKind kind) {
        return factory.ids().last(kind.type()).orElse(Ids.MAX_KEY_ID);
    }

    private interface Loader<R> {
        R load(int id) throws InvalidKeyIdException;
    }
}
