package dev.keystore.kotlin

import dev.keystore.KeyType
import dev.keystore.OperationInterruptedException
import dev.keystore.SignalKeyStore
import dev.keystore.Transaction
import dev.keystore.TransactionOptions
import dev.keystore.Updates
import dev.keystore.async.AsyncKeyStore
import java.util.concurrent.CompletableFuture
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlin.coroutines.suspendCoroutine
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.asExecutor
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.future.await
import kotlinx.coroutines.withContext

/**
 * A store whose calls suspend, and whose transactions run suspending work.
 *
 * ```
 * val alice = CoroutineKeyStore(database.forContext("alice"))
 * alice.transaction("bob") { tx ->
 *     val session = tx.find(KeyTypes.SESSION, "bob.1").orElseThrow()
 *     tx.put(KeyTypes.SESSION, "bob.1", next(session, receive()))
 * }
 * ```
 *
 * Each call blocks a thread of [dispatcher] until it ends: a read until it is loaded, a write until it is durable
 * (R11), a transaction also while it waits for its locks. Transactions with one lock key can occupy all threads until
 * `lockTimeout`. By default, reads and [set] have separate threads, so that they do not wait for those (R20). A call
 * that is made within the work of a transaction, also of another database, runs on the thread of that transaction.
 *
 * Cancelling means what an interrupt does (R27), and a call always ends before its caller continues. A call that has
 * not begun never runs. One that waits for a lock, another thread's load, or its turn to be written is interrupted. In
 * both cases the caller gets the [CancellationException], and nothing was written, except what the block of [call] had
 * written before. A load or a commit that the backend is doing ends: the caller gets its outcome, the result or an
 * exception that says what was written, and is cancelled where it next suspends. Functions such as `withTimeout`
 * replace the result by their exception, so keep what has to survive that in a variable.
 *
 * A call within the work of a transaction ends in the same way, but only cancelling the transaction interrupts it;
 * cancelling a coroutine that the work launched does not.
 *
 * Exceptions are those of the blocking methods. Thread-safe. It holds no resources: closing the database closes the
 * store.
 *
 * @property store the store that the calls go to
 * @property dispatcher what runs the calls; by default, up to 64 threads of [Dispatchers.IO] for [transaction] and
 *     [call], and up to 64 for the other calls, in addition to those that other users of it occupy, and shared by all
 *     stores
 */
public class CoroutineKeyStore(
    public val store: SignalKeyStore,
    public val dispatcher: CoroutineDispatcher = DEFAULT_DISPATCHER,
) {

    private val async = AsyncKeyStore.of(store, dispatcher.asExecutor())

    /** For calls that wait for no lock. */
    private val withoutLocks =
        if (dispatcher === DEFAULT_DISPATCHER) AsyncKeyStore.of(store, WITHOUT_LOCKS.asExecutor()) else async

    /** Returns an entry, or null if it does not exist. */
    public suspend fun <V : Any> find(type: KeyType<V>, id: String): V? =
        call(withoutLocks) { it.find(type, id).orElse(null) }

    /** Returns the entries that exist, by id, as of one point in time. */
    public suspend fun <V : Any> get(type: KeyType<V>, ids: Collection<String>): Map<String, V> =
        call(withoutLocks) { it.get(type, ids) }

    /** Writes and deletes entries as one commit; [updates] must not be modified until it returns. */
    public suspend fun set(updates: Updates): Unit = call(withoutLocks) { it.set(updates) }

    /**
     * Returns the ids of a type that begin with [idPrefix], in no particular order, as a cold flow.
     *
     * Each collection reads them again, a page of up to 64 at a time, in bounded memory, and occupies no thread while
     * the collector is busy. The cursor is closed when the collection ends, fails or is cancelled.
     */
    public fun ids(type: KeyType<*>, idPrefix: String = ""): Flow<String> = flow {
        call(withoutLocks) { it.ids(type, idPrefix) }.use { stream ->
            val iterator = stream.iterator()
            do {
                val page = ArrayList<String>(PAGE)
                val end = runCatching {
                    call(withoutLocks) {
                        while (page.size < PAGE && iterator.hasNext()) {
                            page.add(iterator.next())
                        }
                    }
                }
                page.forEach { emit(it) } // also those that were found before a failure
                end.getOrThrow()
            } while (page.size == PAGE)
        }
    }

    /**
     * Runs [work] while holding the lock of [lockKey], then commits what it wrote as one batch (R20).
     *
     * [work] may suspend. It runs on one thread, which is occupied meanwhile: wherever it suspends, it resumes there.
     * So the handle, which is confined to that thread (R28), is valid everywhere in the coroutine and in the ones that
     * it launches, but not within `withContext` of another dispatcher. If it is cancelled, nothing is written. The lock
     * is held while it is suspended.
     *
     * Within [work], another transaction is refused with [IllegalStateException] (R26), wherever the coroutine runs. So
     * is one of another database: it would occupy the thread of this one, for whose coroutines its work may wait. Use
     * [withTransaction] on the handle; for another database, use it within [call], where its work does not suspend.
     *
     * @return what [work] returned, once the commit is durable
     * @throws Throwable what [work] threw, unchanged; nothing was written (R22). The other exceptions are those of
     *     [SignalKeyStore.transaction]
     */
    public suspend fun <R> transaction(
        lockKey: String,
        options: TransactionOptions = TransactionOptions.DEFAULT,
        work: suspend (Transaction) -> R,
    ): R = transaction(setOf(lockKey), options, work)

    /** Runs [work] while holding the locks of all [lockKeys] (R25); otherwise like the function with one lock key. */
    public suspend fun <R> transaction(
        lockKeys: Set<String>,
        options: TransactionOptions = TransactionOptions.DEFAULT,
        work: suspend (Transaction) -> R,
    ): R {
        val context = currentCoroutineContext()
        check(context.loop() == null) {
            "A transaction within the work of another one is refused: call withTransaction on the handle, or," +
                " for another database, call { it.withTransaction(lockKey, work) }"
        }
        return call { called ->
            called.withTransaction(lockKeys, options) { tx -> TransactionLoop(dispatcher).run(context) { work(tx) } }
        }
    }

    /**
     * Runs any calls of the store on one thread, and returns what [block] returns. Each write of [block] outside a
     * transaction is a separate commit: if a later one fails or is interrupted, the earlier ones stay.
     */
    public suspend fun <R> call(block: (SignalKeyStore) -> R): R = call(async, block)

    private suspend fun <R> call(on: AsyncKeyStore, block: (SignalKeyStore) -> R): R {
        val context = currentCoroutineContext()
        context.ensureActive()
        val loop = context.loop()
        if (loop != null) {
            // The outer context keeps the inner one from discarding the outcome on the way back to another dispatcher.
            return withContext(NonCancellable) { withContext(loop) { block(store) } }
        }
        val future = on.call { runCatching { block(it) } }
        val outcome =
            try {
                future.await()
            } catch (e: CancellationException) { // which has withdrawn the call, or interrupted it: wait for its end
                if (future.isCancelled) throw e
                future.end().onFailure { if (isInterruption(it)) throw e }
            }
        return outcome.getOrThrow()
    }

    private companion object {

        const val PAGE = 64

        val DEFAULT_DISPATCHER = Dispatchers.IO.limitedParallelism(64, "keystore")
        val WITHOUT_LOCKS = Dispatchers.IO.limitedParallelism(64, "keystore-without-locks")

        /** Returns the loop of the transaction within whose work a coroutine runs, or null. */
        fun CoroutineContext.loop(): TransactionLoop? = this[TransactionLoop.Running]?.loop?.takeUnless { it.ended }

        fun isInterruption(failure: Throwable) =
            failure is OperationInterruptedException || failure is InterruptedException

        /** Waits for the end of a call, also if this coroutine is cancelled. */
        suspend fun <T> CompletableFuture<T>.end(): T = suspendCoroutine { waiting ->
            whenComplete { result, failure ->
                if (failure == null) waiting.resume(result) else waiting.resumeWithException(failure)
            }
        }
    }
}
