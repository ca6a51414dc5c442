package dev.keystore.interop;

/**
 * The forms in which clients serialize sessions and sender keys.
 *
 * <p>All of them hold the state of the same protocol, the Double Ratchet with X3DH, so a record of one form can be
 * converted to another one: see {@link AccountImport#convertingSessionsTo} and
 * {@link AccountExport#convertingSessionsTo}. {@code docs/migrating.md} in the repository lists what a conversion
 * cannot give.
 */
public enum SessionFormat {
    /** Baileys: JSON of libsignal-node, and JSON of sender keys. */
    BAILEYS,
    /** baileys_ex: terms of Erlang or JSON, as {@link BaileysExFolder} imports them; JSON if it is written. */
    BAILEYS_EX,
    /** whatsmeow: JSON of the structures of libsignal in Go. */
    WHATSMEOW,
    /** libsignal: Protocol Buffers, as {@code SessionRecord} and {@code SenderKeyRecord} serialize themselves. */
    LIBSIGNAL
}
