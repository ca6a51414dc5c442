/**
 * Reads and transactions that return futures: {@link dev.keystore.async.AsyncKeyStore}.
 *
 * <p>Rule numbers, such as {@code R27}, refer to {@code docs/contract.md} in the repository.
 */
@NullMarked
package dev.keystore.async;

import org.jspecify.annotations.NullMarked;
