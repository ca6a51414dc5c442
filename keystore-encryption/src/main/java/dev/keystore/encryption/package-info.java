/**
 * Encryption at rest: values are encrypted before a backend gets them, whatever the backend.
 *
 * <p>{@link dev.keystore.encryption.Encryption} is the setting of a database. It gets its root key from a
 * {@link dev.keystore.spi.KeyProvider}: {@link dev.keystore.encryption.KeyFile},
 * {@link dev.keystore.encryption.Passphrase}, {@link dev.keystore.encryption.Pkcs12File},
 * {@link dev.keystore.encryption.TinkKms}, or an implementation of yours.
 *
 * <p>In the repository, {@code docs/encryption.md} explains the keys, the format of a record, and what encryption does
 * and does not protect from.
 */
@NullMarked
package dev.keystore.encryption;

import org.jspecify.annotations.NullMarked;
