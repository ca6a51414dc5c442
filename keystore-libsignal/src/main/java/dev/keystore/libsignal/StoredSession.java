package dev.keystore.libsignal;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/**
 * A session in the store.
 *
 * @param address the address of the remote device
 * @param state whether messages can be encrypted in it
 * @param bytes the size of its record; 0 if that cannot be read
 * @param start when the first session with the device was stored since the last time there was none, or {@code null} if
 *     that was not recorded
 */
public record StoredSession(
        SignalProtocolAddress address,
        State state,
        int bytes,
        @Nullable Instant start) {

    /** The states of a session. */
    public enum State {
        /** Messages can be encrypted and decrypted. */
        ACTIVE,

        /** Messages in transit can be decrypted. To encrypt, a new session has to be started. */
        ARCHIVED,

        /** The record cannot be read. A new session, or a first message of the device, replaces it. */
        DAMAGED
    }
}
