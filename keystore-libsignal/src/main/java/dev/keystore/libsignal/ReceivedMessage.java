package dev.keystore.libsignal;

/**
 * A decrypted message.
 *
 * @param plaintext the decrypted bytes; not copied
 * @param identity whether the identity key of the sender is new or has changed
 */
public record ReceivedMessage(byte[] plaintext, IdentityStatus identity) {

    /** Returns the size of the message, but no byte of it. */
    @Override
    public String toString() {
        return "ReceivedMessage[" + plaintext.length + " bytes, identity " + identity + "]";
    }
}
