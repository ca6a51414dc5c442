package dev.keystore.libsignal;

import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import dev.keystore.UnreadableEntryException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.ToIntFunction;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyBundle;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

/**
 * The upkeep of pre-keys within a transaction: which are left, which are to be uploaded, which are due to be replaced
 * and which nobody can use any more.
 */
final class PreKeyLifecycle {

    private static final List<PreKeyKind> ONE_TIME = List.of(PreKeyKind.ONE_TIME, PreKeyKind.ONE_TIME_KYBER);

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
        return offered(factory.upload(count));
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
        if (isDue(PreKeyKind.SIGNED, currentSigned(), SignedPreKeyRecord::getId, SignedPreKeyRecord::getTimestamp)) {
            factory.signedPreKey();
        }
        if (isDue(
                PreKeyKind.LAST_RESORT_KYBER,
                currentLastResort(),
                KyberPreKeyRecord::getId,
                KyberPreKeyRecord::getTimestamp)) {
            factory.lastResortKyberPreKey();
        }
        if (isLow(PreKeyKind.ONE_TIME, isStale, onServer)) {
            factory.preKeys(options.preKeyBatch());
        }
        if (isLow(PreKeyKind.ONE_TIME_KYBER, isStale, kyberOnServer)) {
            factory.oneTimeKyberPreKeys(options.preKeyBatch());
        }
        sweep();
        return pendingUpload();
    }

    /**
     * Returns what is to be uploaded, if anything, with the current keys of the kinds that are used many times. The
     * one-time pre-keys are part of this upload from now on, and of no other one unless it {@linkplain #fail fails}.
     */
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
                || isUnconfirmed(PreKeyKind.SIGNED, signed.get().getId())
                || isUnconfirmed(PreKeyKind.LAST_RESORT_KYBER, lastResort.get().getId());
        return isNeeded ? Optional.of(offered(upload)) : Optional.empty();
    }

    /** Records that the one-time pre-keys of an upload are part of it. */
    private PreKeyUpload offered(PreKeyUpload upload) {
        for (PreKeyKind kind : ONE_TIME) {
            change(kind, upload, (log, range) -> log.withOffer(range.newest, range.last));
        }
        return upload;
    }

    /** Records that the server has none of the one-time pre-keys of an upload. */
    void fail(PreKeyUpload upload) {
        if (isStored(upload.signedPreKey())) {
            for (PreKeyKind kind : ONE_TIME) {
                change(kind, upload, (log, range) -> log.withFailure(range.oldest, range.newest, range.last));
            }
        }
    }

    /** Records an upload, unless it is of a former identity, whose pre-keys were deleted. */
    void confirm(PreKeyUpload upload) {
        if (!isStored(upload.signedPreKey())) {
            return;
        }
        Instant now = options.clock().instant();
        for (PreKeyKind kind : PreKeyKind.values()) {
            change(kind, upload, (log, range) -> log.withUpload(range.oldest, range.newest, range.last, now));
        }
        if (!upload.preKeys().isEmpty() && !upload.kyberPreKeys().isEmpty()) {
            Restored.clear(tx); // otherwise the server has kept keys that nobody can use
        }
    }

    /** The oldest and the newest id of one kind in an upload, and the last id that was issued. */
    private record Range(int oldest, int newest, int last) {}

    /** Changes the log of a kind by the ids of an upload, if that has any. The log begins there if there is none. */
    private void change(PreKeyKind kind, PreKeyUpload upload, BiFunction<PreKeyLog, Range, PreKeyLog> change) {
        int last = last(kind);
        List<Integer> ids = upload.ids(kind).stream()
                .sorted(Comparator.comparingInt(id -> PreKeyLog.age(id, last)))
                .toList();
        if (!ids.isEmpty()) {
            Range range = new Range(ids.get(ids.size() - 1), ids.get(0), last);
            save(kind, change.apply(log(kind).orElseGet(() -> new PreKeyLog(range.newest)), range));
        }
    }

    /** Returns a bundle of existing pre-keys for a contact, who is the only one to receive its one-time pre-keys. */
    PreKeyBundle bundle(
            int deviceId,
            @Nullable PreKeyRecord preKey,
            SignedPreKeyRecord signedPreKey,
            KyberPreKeyRecord kyberPreKey) {
        if (preKey != null) {
            handOut(PreKeyKind.ONE_TIME, preKey.getId());
        }
        if (tx.find(KyberPreKeys.ONE_TIME, Ids.of(kyberPreKey.getId())).isPresent()) {
            handOut(PreKeyKind.ONE_TIME_KYBER, kyberPreKey.getId());
        }
        return factory.bundle(deviceId, preKey, signedPreKey, kyberPreKey);
    }

    private void handOut(PreKeyKind kind, int id) {
        log(kind)
                .filter(log -> log.isUnconfirmed(id, last(kind)) && !log.isHandedOut(id))
                .ifPresent(
                        log -> save(kind, log.withHandedOut(id, options.clock().instant())));
    }

    private boolean isStored(SignedPreKeyRecord uploaded) {
        return load(uploaded.getId(), signedPreKeys::loadSignedPreKey)
                .filter(stored -> Arrays.equals(stored.serialize(), uploaded.serialize()))
                .isPresent();
    }

    /** Returns the signed pre-key that was generated last. */
    Optional<SignedPreKeyRecord> currentSigned() {
        return newest(PreKeyKind.SIGNED, signedPreKeys::loadSignedPreKey);
    }

    /** Returns the last-resort Kyber pre-key that was generated last. */
    Optional<KyberPreKeyRecord> currentLastResort() {
        return newest(PreKeyKind.LAST_RESORT_KYBER, kyberPreKeys::loadKyberPreKey);
    }

    /** Returns whether there is no current key, or a former one, or one of before a restore. */
    private <R> boolean isDue(PreKeyKind kind, Optional<R> current, ToIntFunction<R> id, ToLongFunction<R> timestamp) {
        Instant latest = options.clock().instant().minus(options.rotateAfter());
        return current.filter(record -> timestamp.applyAsLong(record) > latest.toEpochMilli())
                .filter(record -> !Restored.isSet(tx) || isUnconfirmed(kind, id.applyAsInt(record)))
                .isEmpty();
    }

    /**
     * Returns whether a batch is due. What the server has is not known if nobody says so and there is an upload whose
     * outcome is not known; what it has of an account that was restored is of no use.
     */
    private boolean isLow(PreKeyKind kind, boolean isStale, OptionalInt onServer) {
        int pending = pending(kind).size();
        if (isStale) {
            return pending < Math.max(1, options.preKeyFloor());
        }
        int others = onServer.orElseGet(() -> isInDoubt(kind) ? 0 : left(kind).size() - pending);
        return others + pending < options.preKeyFloor();
    }

    private boolean isInDoubt(PreKeyKind kind) {
        int last = last(kind);
        PreKeyLog log = log(kind).orElseThrow();
        return ids(kind).stream().anyMatch(id -> log.isInDoubt(id, last));
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
                .filter(id -> log.isEmpty()
                        || (!log.get().isReplaced(id, last, now) && !log.get().isHandedOut(id)))
                .toList();
    }

    private List<Integer> pending(PreKeyKind kind) {
        int last = last(kind);
        Optional<PreKeyLog> log = log(kind);
        return ids(kind).stream()
                .filter(id -> log.isPresent() && log.get().isPending(id, last))
                .toList();
    }

    private boolean isUnconfirmed(PreKeyKind kind, int id) {
        return log(kind).filter(log -> log.isUnconfirmed(id, last(kind))).isPresent();
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

    /**
     * Begins the logs. The keys that exist by then count as uploaded. If there are no one-time pre-keys, the account is
     * new or was cleared, and nobody can use what the server may have.
     */
    private void startLogs() {
        for (PreKeyKind kind : PreKeyKind.values()) {
            if (log(kind).isEmpty()) {
                if (kind.isOneTime() && stored(kind).isEmpty()) {
                    Restored.set(tx);
                }
                save(kind, new PreKeyLog(factory.ids().start(kind.type())));
            }
        }
    }

    private Optional<PreKeyLog> log(PreKeyKind kind) {
        return tx.find(PreKeyLog.TYPE, kind.name());
    }

    private void save(PreKeyKind kind, PreKeyLog log) {
        if (!log(kind).equals(Optional.of(log))) {
            log.save(tx, kind);
        }
    }

    private int last(PreKeyKind kind) {
        return factory.ids().last(kind.type()).orElse(Ids.MAX_KEY_ID);
    }

    private interface Loader<R> {
        R load(int id) throws InvalidKeyIdException;
    }
}
