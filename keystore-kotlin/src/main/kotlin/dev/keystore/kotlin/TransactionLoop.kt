package dev.keystore.kotlin

import java.util.concurrent.LinkedBlockingQueue
import kotlin.coroutines.AbstractCoroutineContextElement
import kotlin.coroutines.Continuation
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.startCoroutine
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.asExecutor
import kotlinx.coroutines.ensureActive

/**
 * Runs the suspending work of one transaction on the thread that calls [run], and nowhere else: whatever resumes it is
 * queued for that thread, which waits while the work is suspended.
 *
 * Coroutines that the work launches run there too. One that outlives the transaction runs on [afterwards] from then on.
 */
internal class TransactionLoop(private val afterwards: CoroutineDispatcher) : CoroutineDispatcher() {

    /** Marks the coroutines of a transaction, on whatever dispatcher they are. */
    class Running(val loop: TransactionLoop) : AbstractCoroutineContextElement(Running) {
        companion object Key : CoroutineContext.Key<Running>
    }

    private val tasks = LinkedBlockingQueue<Runnable>()

    @Volatile
    var ended = false
        private set

    override fun dispatch(context: CoroutineContext, block: Runnable) {
        tasks.add(block)
        if (ended) {
            handOver()
        }
    }

    private fun handOver() {
        // not dispatch, which Dispatchers.Unconfined refuses
        val executor = afterwards.asExecutor()
        generateSequence(tasks::poll).forEach(executor::execute)
    }

    /**
     * Returns what [work] returns.
     *
     * An interrupt does not end a wait for suspended work, which cancelling its job resumes; the interrupt flag is set
     * afterwards.
     *
     * @param context the context of the caller, whose job is that of the work
     * @throws kotlinx.coroutines.CancellationException if the job was cancelled, even if the work did not notice it
     */
    fun <R> run(context: CoroutineContext, work: suspend () -> R): R {
        val results = ArrayList<Result<R>>(1)
        val completion =
            Continuation<R>(context + this + Running(this)) { result -> tasks.add(Runnable { results.add(result) }) }
        work.startCoroutine(completion)
        var interrupted = false
        try {
            while (results.isEmpty()) {
                val task =
                    try {
                        tasks.take()
                    } catch (e: InterruptedException) {
                        interrupted = true
                        continue
                    }
                task.run()
            }
        } finally {
            ended = true
            handOver()
            if (interrupted) {
                Thread.currentThread().interrupt()
            }
        }
        val result = results.single().getOrThrow()
        context.ensureActive()
        return result
    }
}
