package dev.keystore.kotlin

import dev.keystore.KeyOperations
import dev.keystore.SignalKeyStore
import dev.keystore.Transaction
import dev.keystore.TransactionOptions

/**
 * Runs [work] while holding the lock of [lockKey], then commits what it wrote as one batch: what
 * `transaction(lockKey, work)` does.
 *
 * That method has a type parameter for the exceptions of the work, which Kotlin cannot infer. This function needs none,
 * and its result may be null. It blocks; [CoroutineKeyStore.transaction] suspends.
 *
 * If called on the handle of a transaction, [work] joins that one (R26).
 *
 * @return what [work] returned, once the commit is durable
 * @throws Throwable what [work] threw, unchanged; nothing was written (R22). The other exceptions are those of
 *     [KeyOperations.transaction]
 */
public fun <R> KeyOperations.withTransaction(lockKey: String, work: (Transaction) -> R): R =
    withTransaction(setOf(lockKey), work)

/**
 * Runs [work] while holding the locks of all [lockKeys], which are acquired in one global order (R25); otherwise like
 * the function with one lock key.
 */
public fun <R> KeyOperations.withTransaction(lockKeys: Set<String>, work: (Transaction) -> R): R =
    transaction<Returned<R>, Exception>(lockKeys) { tx -> Returned(work(tx)) }.value

/**
 * Runs [work] with [options], for example [TransactionOptions.retryOnConflict]; otherwise like the function without
 * options.
 */
public fun <R> SignalKeyStore.withTransaction(
    lockKey: String,
    options: TransactionOptions,
    work: (Transaction) -> R,
): R = withTransaction(setOf(lockKey), options, work)

/**
 * Runs [work] while holding the locks of all [lockKeys], with [options]; otherwise like the function with one lock key
 * and without options.
 */
public fun <R> SignalKeyStore.withTransaction(
    lockKeys: Set<String>,
    options: TransactionOptions,
    work: (Transaction) -> R,
): R = transaction<Returned<R>, Exception>(lockKeys, options) { tx -> Returned(work(tx)) }.value

/** A result that may be null, which the result of the Java method may not. */
private class Returned<R>(val value: R)
