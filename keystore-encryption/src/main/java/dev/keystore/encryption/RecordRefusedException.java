package dev.keystore.encryption;

/** Why a record did not open. Translated by the callers, who know the place of the record. */
final class RecordRefusedException extends Exception {

    /** What a record that did not open is. */
    enum Reason {
        /** Its checksum or its form is wrong: damage by chance. */
        DAMAGED,
        /** It is intact, but its key is not among those at hand. */
        KEY_MISSING,
        /** It is intact, but not what was sealed with its key for this place. */
        TAMPERED
    }

    private static final long serialVersionUID = 1L;

    private final Reason reason;
    private final String description;
    private final long keyId;

    private RecordRefusedException(Reason reason, String message, long keyId) {
        super(message);
        this.reason = reason;
        this.description = message;
        this.keyId = keyId;
    }

    static RecordRefusedException damaged(String how) {
        return new RecordRefusedException(Reason.DAMAGED, how, 0);
    }

    static RecordRefusedException tampered(String what) {
        return new RecordRefusedException(Reason.TAMPERED, what, 0);
    }

    static RecordRefusedException keyMissing(long keyId) {
        return new RecordRefusedException(Reason.KEY_MISSING, "key " + KeyRing.hex(keyId) + " is missing", keyId);
    }

    Reason reason() {
        return reason;
    }

    /** Returns what is wrong with the record, without any of its bytes. */
    String description() {
        return description;
    }

    /** Returns the id of the missing key. */
    long keyId() {
        return keyId;
    }
}
