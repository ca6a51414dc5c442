package dev.keystore.spi;

/**
 * Gives access to a root key. The root key encrypts ("wraps") the key of a store, with which all other keys of the
 * store are opened.
 *
 * <p>Called when a store is opened, when it is created, and when its root key or store key is replaced; never for a
 * record (R73). A call may block. An implementation should hold no key between calls, and must put no byte of one into
 * a message (R76).
 */
public interface KeyProvider {

    /**
     * Returns the kind of this provider, such as {@code "key-file"}. It is stored in the mark of the store, so that a
     * store opened with another kind of provider can say which one it needs.
     *
     * @return 1 to 64 of the characters {@code a-z 0-9 -}
     */
    String name();

    /**
     * Encrypts a key with the root key.
     *
     * @param key 32 bytes; not kept and not changed
     * @param associatedData bytes that must be the same in {@link #unwrap}; they are not secret
     * @return the encrypted key, with everything that {@link #unwrap} needs except the root key; at most 16,384 bytes
     * @throws dev.keystore.KeyUnavailableException if the root key is missing or out of reach
     */
    byte[] wrap(byte[] key, byte[] associatedData);

    /**
     * Decrypts a key that {@link #wrap} encrypted.
     *
     * @param wrapped what {@link #wrap} returned; may come from an attacker
     * @param associatedData what {@link #wrap} was called with
     * @return the key, a new array, which the caller overwrites
     * @throws dev.keystore.KeyUnavailableException if the root key is missing, out of reach or another one, or if
     *     {@code wrapped} or {@code associatedData} was changed
     */
    byte[] unwrap(byte[] wrapped, byte[] associatedData);
}
