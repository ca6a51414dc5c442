package dev.keystore.libsignal;

import dev.keystore.EntryId;
import dev.keystore.KeyTypes;
import dev.keystore.spi.RestoreRules;
import java.util.Map;
import java.util.Set;

/**
 * What a restore does with the entries of accounts (R84). It advances the counters of pre-key ids, and drops one-time
 * Kyber pre-keys and the times of sessions. It adds an entry, which tells the account that it was restored.
 *
 * <p>What is recorded of uploads is kept: ids are compared by their distance from the last issued one, so what was
 * uploaded stays uploaded when the counter advances.
 *
 * <p>Last-resort Kyber pre-keys are kept like signed pre-keys, together with the records of base keys that were used
 * with them: messages in transit may need them.
 */
public final class AccountRestoreRules implements RestoreRules {

    private static final EntryId IDENTITY = new EntryId(AccountIdentity.TYPE.name(), AccountIdentity.ID);

    private static final Set<String> TYPES = Set.of(
            AccountRecord.ENTRY.type(),
            PreKeyIds.LAST.name(),
            KeyTypes.KYBER_PRE_KEY.name(),
            KyberPreKeys.ONE_TIME.name(),
            SessionStarts.TYPE.name());

    /** For {@link java.util.ServiceLoader}. */
    public AccountRestoreRules() {}

    @Override
    public boolean applyTo(EntryId entry) {
        return TYPES.contains(entry.type());
    }

    @Override
    public boolean keeps(EntryId entry, BackedUp context) {
        if (entry.type().equals(KeyTypes.KYBER_PRE_KEY.name())) {
            return !context.holds().test(new EntryId(KyberPreKeys.ONE_TIME.name(), entry.id()));
        }
        return !entry.type().equals(KyberPreKeys.ONE_TIME.name())
                && !entry.type().equals(SessionStarts.TYPE.name());
    }

    @Override
    public byte[] restored(EntryId entry, byte[] value, BackedUp context) {
        if (entry.type().equals(PreKeyIds.LAST.name())) {
            int last = PreKeyIds.LAST.codec().decode(value);
            return PreKeyIds.LAST.codec().encode(PreKeyIds.advanced(last, context.idMargin()));
        }
        return entry.equals(AccountRecord.ENTRY) ? AccountRecord.advanced(value, context.idMargin()) : value;
    }

    @Override
    public Map<EntryId, byte[]> added(BackedUp context) {
        return context.holds().test(AccountRecord.ENTRY) && context.holds().test(IDENTITY)
                ? Map.of(Restored.ENTRY, Restored.MARK)
                : Map.of();
    }
}
