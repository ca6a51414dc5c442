package dev.keystore.kotlin

import dev.keystore.CommitFailedException
import dev.keystore.KeyType
import dev.keystore.KeyTypes
import dev.keystore.OperationInterruptedException
import dev.keystore.SignalKeyStore
import dev.keystore.Transaction
import dev.keystore.TransactionConflictException
import dev.keystore.TransactionOptions
import dev.keystore.Updates
import dev.keystore.core.SignalKeyDatabase
import dev.keystore.spi.BackendException
import dev.keystore.testkit.Call.Operation
import dev.keystore.testkit.Fault.Moment
import dev.keystore.testkit.Faults
import dev.keystore.testkit.FaultyBackend
import dev.keystore.testkit.MemoryBackend
import java.io.IOException
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import java.util.stream.Stream
import kotlin.coroutines.EmptyCoroutineContext
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.isActive
import kotlinx.coroutines.job
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.runTest
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield
import org.assertj.core.api.Assertions.assertThat
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.DisplayName
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout

@Timeout(60)
class CoroutineKeyStoreTest {

    private val faults = Faults()
    private val database: SignalKeyDatabase =
        SignalKeyDatabase.builder().backend(FaultyBackend.complete(MemoryBackend(), faults)).open()
    private val store: SignalKeyStore = database.forContext("alice")
    private val alice = CoroutineKeyStore(store)

    @AfterEach
    fun close() {
        faults.heal()
        database.close()
    }

    private fun Transaction.put(id: String, value: String = "1") = put(KeyTypes.LID_MAPPING, id, value)

    private fun stored(id: String): String? = store.find(KeyTypes.LID_MAPPING, id).orElse(null)

    @Test
    @DisplayName("reads, writes and transactions return what the store returns; null means that an entry is absent")
    fun calls_returnResults() = runTest {
        val updates = Updates()
        updates.put(KeyTypes.LID_MAPPING, "a", "1")
        updates.put(KeyTypes.LID_MAPPING, "b", "2")
        alice.set(updates)

        assertThat(alice.find(KeyTypes.LID_MAPPING, "a")).isEqualTo("1")
        assertThat(alice.find(KeyTypes.LID_MAPPING, "none")).isNull()
        assertThat(alice.get(KeyTypes.LID_MAPPING, listOf("a", "b", "none"))).isEqualTo(mapOf("a" to "1", "b" to "2"))
        assertThat(alice.transaction("k") { tx -> tx.take(KeyTypes.LID_MAPPING, "a").orElse(null) }).isEqualTo("1")
        assertThat(alice.transaction("k") { tx -> tx.take(KeyTypes.LID_MAPPING, "a").orElse(null) }).isNull()
        assertThat(alice.call { it.context() }).isEqualTo("alice")
    }

    @Test
    @DisplayName("R28 work that suspends resumes on the thread of its transaction, in coroutines that it launches too")
    fun transaction_workSuspends_resumesOnItsThread() = runTest {
        val threads = alice.transaction("k") { tx ->
            val used = mutableSetOf(Thread.currentThread())
            tx.put("a")
            delay(1)
            used.add(Thread.currentThread())
            withContext(Dispatchers.Default) { yield() }
            used.add(Thread.currentThread())
            coroutineScope {
                repeat(3) { n ->
                    launch {
                        tx.put("child $n")
                        yield()
                        used.add(Thread.currentThread())
                    }
                }
            }
            assertThat(tx.find(KeyTypes.LID_MAPPING, "child 2")).contains("1")
            used
        }

        assertThat(threads).hasSize(1)
        assertThat(stored("a") + stored("child 2")).isEqualTo("11")
    }

    @Test
    @DisplayName("R28 the handle is refused on another dispatcher, and after the transaction")
    fun handle_elsewhere_isRefused() = runTest {
        val used = alice.transaction("k") { tx ->
            val refused = withContext(Dispatchers.Default) { runCatching { tx.put("a") } }
            assertThat(refused.exceptionOrNull()).isInstanceOf(IllegalStateException::class.java)
            tx
        }

        assertThat(runCatching { used.put("a") }.exceptionOrNull()).isInstanceOf(IllegalStateException::class.java)
        assertThat(stored("a")).isNull()
    }

    @Test
    @DisplayName("R22 the very exception of the work reaches the caller, and nothing is written")
    fun transaction_workThrows_throwsThat() = runTest {
        val thrown = IOException("mine")

        val caught = runCatching {
            alice.transaction("k") { tx ->
                tx.put("a")
                yield()
                throw thrown
            }
        }

        assertThat(caught.exceptionOrNull()).isSameAs(thrown)
        assertThat(stored("a")).isNull()
    }

    @Test
    @DisplayName("R24 work runs again after a conflict if the options say so")
    fun transaction_conflict_isRetried() = runTest {
        val attempts = AtomicInteger()

        suspend fun append(options: TransactionOptions) = alice.transaction("k", options) { tx ->
            val read = tx.find(KeyTypes.LID_MAPPING, "a").orElse("")
            if (attempts.incrementAndGet() % 2 == 1) {
                withContext(Dispatchers.Default) { store.put(KeyTypes.LID_MAPPING, "a", "x") }
            }
            tx.put("a", read + "1")
        }

        append(TransactionOptions.retryOnConflict(2))
        assertThat(stored("a")).isEqualTo("x1")
        assertThat(runCatching { append(TransactionOptions.DEFAULT) }.exceptionOrNull())
            .isInstanceOf(TransactionConflictException::class.java)
        assertThat(attempts).hasValue(3)
    }

    @Test
    @DisplayName("R11 a call returns when the commit is durable, and not before")
    fun transaction_returnsWhenDurable() = runTest {
        val gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE)
        val writing = async(Dispatchers.Default) { alice.transaction("k") { tx -> tx.put("a") } }
        gate.awaitReached()
        assertThat(writing.isActive).isTrue()

        gate.open()
        writing.await()
        assertThat(stored("a")).isEqualTo("1")
    }

    @Test
    @DisplayName("R27 a cancelled coroutine that waits for a lock stops waiting, and its work does not run")
    fun cancel_waitingForALock_endsTheWait() = runTest {
        val begun = CountDownLatch(1)
        val entered = CompletableDeferred<Unit>()
        val release = CompletableDeferred<Unit>()
        val holder = launch(Dispatchers.Default) {
            alice.transaction("k") { tx ->
                entered.complete(Unit)
                release.await()
                tx.put("held")
            }
        }
        entered.await()
        val failures = mutableListOf<Throwable?>()
        val waiter = launch(Dispatchers.Default) {
            failures += runCatching {
                alice.call { called ->
                    begun.countDown()
                    called.withTransaction("k") { throw AssertionError("the work must not run") }
                }
            }.exceptionOrNull()
        }
        assertThat(begun.await(30, TimeUnit.SECONDS)).isTrue()
        waiter.cancelAndJoin()

        assertThat(failures.single()).isInstanceOf(CancellationException::class.java)
        assertThat(holder.isActive).isTrue()
        release.complete(Unit)
        holder.join()
        assertThat(stored("held")).isEqualTo("1")
    }

    @Test
    @DisplayName("R27 a coroutine that is cancelled while its commit is written gets the result, then the cancellation")
    fun cancel_beingWritten_returnsTheResult() = runTest {
        val gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE)
        val results = mutableListOf<String>()
        val writing = launch(Dispatchers.Default) {
            results += alice.transaction("k") { tx ->
                tx.put("a")
                "written"
            }
            yield()
            results += "not cancelled"
        }
        gate.awaitReached()
        writing.cancel()
        assertThat(writing.isCompleted).isFalse()

        gate.open()
        writing.join()
        assertThat(results).containsExactly("written")
        assertThat(stored("a")).isEqualTo("1")
    }

    @Test
    @DisplayName("R27 a coroutine that is cancelled while its commit is refused gets the refusal, not the cancellation")
    fun cancel_beingRefused_throwsTheRefusal() = runTest {
        val gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE)
        faults.on(Operation.COMMIT).fail(Moment.BEFORE, BackendException.Kind.PERMANENT)
        val failures = mutableListOf<Throwable?>()
        val writing = launch(Dispatchers.Default) {
            failures += runCatching { alice.transaction("k") { tx -> tx.put("a") } }.exceptionOrNull()
        }
        gate.awaitReached()
        writing.cancel()
        gate.open()
        writing.join()

        assertThat(failures.single()).isInstanceOf(CommitFailedException::class.java)
        assertThat(stored("a")).isNull()
    }

    @Test
    @DisplayName("R27 suspended work that is cancelled cleans up on its thread, and nothing is written")
    fun cancel_suspendedWork_rollsBack() = runTest {
        val suspended = CompletableDeferred<Unit>()
        val events = mutableListOf<String>()
        val working = launch(Dispatchers.Default) {
            alice.transaction("k") { tx ->
                tx.put("a")
                try {
                    suspended.complete(Unit)
                    awaitCancellation()
                } finally {
                    withContext(NonCancellable) { yield() }
                    events += tx.find(KeyTypes.LID_MAPPING, "a").orElseThrow()
                }
            }
        }
        suspended.await()
        working.cancelAndJoin()

        assertThat(events).containsExactly("1")
        assertThat(stored("a")).isNull()
        store.withTransaction("k") { tx -> tx.put("b") }
    }

    @Test
    @DisplayName("R27 work that does not notice its cancellation is not committed either")
    fun cancel_unnoticed_isNotCommitted() = runTest {
        val failures = mutableListOf<Throwable?>()
        launch(Dispatchers.Default) {
            failures += runCatching {
                alice.transaction("k") { tx ->
                    tx.put("a")
                    currentCoroutineContext().job.cancel()
                }
            }.exceptionOrNull()
        }.join()

        assertThat(failures.single()).isInstanceOf(CancellationException::class.java)
        assertThat(stored("a")).isNull()
    }

    @Test
    @DisplayName("R27 an interrupt of the thread while its work is suspended ends the commit, and nothing is written")
    fun interrupt_suspendedWork_endsTheCommit() = runTest {
        // The thread stays interrupted, so it is none that other tests use.
        Executors.newSingleThreadExecutor().asCoroutineDispatcher().use { single ->
            val failure = runCatching {
                CoroutineKeyStore(store, single).transaction("k") { tx ->
                    tx.put("a")
                    val thread = Thread.currentThread()
                    withContext(Dispatchers.Default) { thread.interrupt() }
                }
            }.exceptionOrNull()

            assertThat(failure).isInstanceOf(OperationInterruptedException::class.java)
            assertThat(stored("a")).isNull()
        }
    }

    @Test
    @DisplayName("R27 a call on another database within a transaction returns its result although it was cancelled")
    fun cancel_callWithinTransaction_returnsTheResult() = runTest {
        val otherFaults = Faults()
        val backend = FaultyBackend.complete(MemoryBackend(), otherFaults)
        SignalKeyDatabase.builder().backend(backend).open().use { other ->
            val bob = CoroutineKeyStore(other.forContext("bob"))
            val results = mutableListOf<String>()
            for (place in listOf(EmptyCoroutineContext, Dispatchers.Default)) {
                val gate = otherFaults.on(Operation.COMMIT).hold(Moment.BEFORE)
                val working = launch(Dispatchers.Default) {
                    alice.transaction("k") {
                        withContext(place) {
                            results += bob.call {
                                it.put(KeyTypes.LID_MAPPING, "b", "1")
                                "written"
                            }
                        }
                    }
                }
                gate.awaitReached()
                working.cancel()
                gate.open()
                working.join()
            }

            assertThat(results).containsExactly("written", "written")
        }
    }

    @Test
    @DisplayName("a coroutine that outlives the transaction it was launched in runs on")
    fun coroutine_outlivesTheTransaction_runsOn() = runTest {
        for (own in listOf(alice, CoroutineKeyStore(store, Dispatchers.Unconfined))) {
            val later = CompletableDeferred<Unit>()
            val ran = CompletableDeferred<Unit>()
            own.transaction("k") {
                CoroutineScope(currentCoroutineContext() + Job()).launch {
                    yield() // is queued behind the end of the work
                    later.await()
                    ran.complete(Unit)
                }
            }
            later.complete(Unit)

            ran.await()
        }
    }

    @Test
    @DisplayName("R27 a cancelled coroutine that waits for a load stops waiting")
    fun cancel_waitingForALoad_endsTheWait() = runTest {
        val gate = faults.on(Operation.LOAD).hold(Moment.BEFORE)
        val loading = launch(Dispatchers.Default) { alice.find(KeyTypes.LID_MAPPING, "a") }
        gate.awaitReached()
        val begun = CountDownLatch(1)
        val failures = mutableListOf<Throwable?>()
        val waiting = launch(Dispatchers.Default) {
            failures += runCatching {
                alice.call {
                    begun.countDown()
                    it.find(KeyTypes.LID_MAPPING, "a")
                }
            }.exceptionOrNull()
        }
        assertThat(begun.await(30, TimeUnit.SECONDS)).isTrue()
        waiting.cancelAndJoin()

        assertThat(failures.single()).isInstanceOf(CancellationException::class.java)
        assertThat(loading.isActive).isTrue()
        gate.open()
        loading.join()
    }

    @Test
    @DisplayName("R27 a call that has not begun when its coroutine is cancelled never runs; the thread stays usable")
    fun cancel_notBegun_neverRuns() = runTest {
        Executors.newSingleThreadExecutor().asCoroutineDispatcher().use { single ->
            val bob = CoroutineKeyStore(store, single)
            val begun = CompletableDeferred<Unit>()
            val release = CountDownLatch(1)
            val first = async(Dispatchers.Default) {
                bob.call {
                    begun.complete(Unit)
                    release.await(30, TimeUnit.SECONDS)
                }
            }
            begun.await()
            // Runs up to the suspension, at which the call is queued.
            val second = async(Dispatchers.Default, CoroutineStart.UNDISPATCHED) {
                bob.transaction("k") { tx -> tx.put("a") }
            }
            second.cancelAndJoin()
            release.countDown()

            assertThat(first.await()).isTrue()
            assertThat(bob.call { Thread.currentThread().isInterrupted }).isFalse()
            assertThat(stored("a")).isNull()
        }
    }

    @Test
    @DisplayName("R26 a transaction within another one is refused, on each dispatcher; one through the handle joins it")
    fun transaction_nested_isRefusedUnlessThroughTheHandle() = runTest {
        alice.transaction("k") { tx ->
            val same = runCatching { alice.transaction("k") { } }
            val elsewhere = withContext(Dispatchers.Default) { runCatching { alice.transaction("other") { } } }
            assertThat(same.exceptionOrNull()).isInstanceOf(IllegalStateException::class.java)
            assertThat(elsewhere.exceptionOrNull()).isInstanceOf(IllegalStateException::class.java)

            assertThat(tx.withTransaction("other") { nested -> nested.put("a") }).isEqualTo(Unit)
            assertThat(alice.find(KeyTypes.LID_MAPPING, "a")).isNull()
        }

        assertThat(stored("a")).isEqualTo("1")
    }

    @Test
    @DisplayName("R27 a transaction of another database is refused too, since its work could wait for the outer one's")
    fun transaction_ofAnotherDatabase_isRefusedWithinWork() = runTest {
        SignalKeyDatabase.builder().backend(MemoryBackend()).open().use { other ->
            val bob = CoroutineKeyStore(other.forContext("bob"))
            alice.transaction("a") { tx ->
                coroutineScope {
                    val read = async { tx.find(KeyTypes.LID_MAPPING, "x").orElse("none") } // needs this thread
                    val refused = runCatching { bob.transaction("b") { it.put("y", read.await()) } }
                    assertThat(refused.exceptionOrNull())
                        .isInstanceOf(IllegalStateException::class.java)
                        .hasMessageContaining("withTransaction")

                    val found = read.await()
                    bob.call {
                        it.withTransaction("b") { nested ->
                            nested.put("y", found)
                            tx.put("z", found)
                        }
                    }
                }
            }

            assertThat(bob.find(KeyTypes.LID_MAPPING, "y")).isEqualTo("none")
            assertThat(stored("z")).isEqualTo("none")
        }
    }

    @Test
    @DisplayName("R20 work that waits for coroutines of others does not keep transactions with other keys waiting")
    fun transactions_ofOtherKeys_runWhileOneIsSuspended() = runTest {
        val entered = CompletableDeferred<Unit>()
        val given = CompletableDeferred<String>()
        val first = async {
            alice.transaction("a") { tx ->
                entered.complete(Unit)
                tx.put("a", given.await())
            }
        }
        entered.await()
        alice.transaction("b") { tx -> tx.put("b") }
        assertThat(first.isActive).isTrue()

        given.complete("2")
        first.await()
        assertThat(stored("a") + stored("b")).isEqualTo("21")
    }

    @Test
    @DisplayName("R20 reads and writes of other accounts continue while all threads of transactions wait for one lock")
    fun find_allTransactionsWait_isNotHeldUp() = runTest {
        val bob = CoroutineKeyStore(database.forContext("bob"))
        val entered = CompletableDeferred<Unit>()
        val release = CompletableDeferred<Unit>()
        val holder = launch(Dispatchers.Default) {
            alice.transaction("k") {
                entered.complete(Unit)
                release.await()
            }
        }
        entered.await()
        val begun = CountDownLatch(63)
        val waiters = List(64) {
            launch(Dispatchers.Default) {
                alice.call { called ->
                    begun.countDown()
                    called.withTransaction("k") { }
                }
            }
        }
        assertThat(begun.await(30, TimeUnit.SECONDS)).isTrue()

        withContext(Dispatchers.Default) {
            withTimeout(5_000) {
                bob.set(Updates().also { it.put(KeyTypes.LID_MAPPING, "a", "1") })
                assertThat(bob.find(KeyTypes.LID_MAPPING, "a")).isEqualTo("1")
                assertThat(bob.get(KeyTypes.LID_MAPPING, listOf("a"))).hasSize(1)
                assertThat(bob.ids(KeyTypes.LID_MAPPING).toList()).containsExactly("a")
            }
        }
        assertThat(waiters).allMatch { it.isActive }
        release.complete(Unit)
        (waiters + holder).joinAll()
    }

    @Test
    @DisplayName("blocking transactions infer their result, which may be null, and throw what the work throws")
    fun withTransaction_blocks() {
        val thrown = IOException("mine")
        val options = TransactionOptions.retryOnConflict(2)

        val found: String? = store.withTransaction("k") { tx -> tx.find(KeyTypes.LID_MAPPING, "a").orElse(null) }
        assertThat(found).isNull()
        assertThat(store.withTransaction(setOf("k", "l"), options) { tx -> tx.inTransaction() }).isTrue()
        assertThat(store.withTransaction("k", options) { "result" }).isEqualTo("result")
        val caught = runCatching {
            store.withTransaction(setOf("k", "l")) { tx ->
                tx.put("a")
                throw thrown
            }
        }
        assertThat(caught.exceptionOrNull()).isSameAs(thrown)
        assertThat(stored("a")).isNull()
    }

    /** A store whose lists of ids count how many are read and open. */
    private class CountingIds(store: SignalKeyStore) : SignalKeyStore by store {

        val read = AtomicInteger()
        val open = AtomicInteger()
        private val delegate = store

        override fun ids(type: KeyType<*>, idPrefix: String): Stream<String> {
            open.incrementAndGet()
            return delegate.ids(type, idPrefix).peek { read.incrementAndGet() }.onClose { open.decrementAndGet() }
        }
    }

    private fun fill(count: Int) {
        val updates = Updates()
        repeat(count) { updates.put(KeyTypes.LID_MAPPING, "id$it", "1") }
        store.set(updates)
    }

    @Test
    @DisplayName("ids are a cold flow, which is read again for each collection, and closes its cursor at the end")
    fun ids_isCold() = runTest {
        val counting = CountingIds(store)
        val ids = CoroutineKeyStore(counting).ids(KeyTypes.LID_MAPPING, "id")
        assertThat(counting.read).hasValue(0)
        fill(200)

        assertThat(ids.toList()).containsExactlyInAnyOrderElementsOf(List(200) { "id$it" })
        assertThat(counting.open).hasValue(0)
        assertThat(ids.toList()).hasSize(200)
        assertThat(CoroutineKeyStore(store).ids(KeyTypes.LID_MAPPING, "id1").toList()).hasSize(111)
    }

    @Test
    @DisplayName("ids are read as they are collected, and a collector that has enough, or fails, closes the cursor")
    fun ids_collectedInPart_closesTheCursor() = runTest {
        fill(1_000)
        val counting = CountingIds(store)
        val ids = CoroutineKeyStore(counting).ids(KeyTypes.LID_MAPPING)

        assertThat(ids.take(2).toList()).hasSize(2)
        assertThat(counting.read.get()).isLessThan(100)
        assertThat(counting.open).hasValue(0)

        val failure = runCatching { ids.collect { throw IOException("mine") } }.exceptionOrNull()
        assertThat(failure).isInstanceOf(IOException::class.java)
        assertThat(counting.open).hasValue(0)
    }

    @Test
    @DisplayName("R27 cancelling a collector closes the cursor, also while it waits for the backend")
    fun ids_cancelled_closesTheCursor() = runTest {
        fill(1_000)
        val counting = CountingIds(store)
        val ids = CoroutineKeyStore(counting).ids(KeyTypes.LID_MAPPING)
        val some = CompletableDeferred<Unit>()

        val collecting = launch {
            ids.onEach { some.complete(Unit) }.collect { awaitCancellation() }
        }
        some.await()
        assertThat(counting.open).hasValue(1)
        collecting.cancelAndJoin()
        assertThat(counting.open).hasValue(0)

        val gate = faults.on(Operation.LIST).hold(Moment.BEFORE)
        val waiting = launch(Dispatchers.Default) { ids.collect { } }
        gate.awaitReached()
        waiting.cancel()
        gate.open()
        waiting.join()
        assertThat(counting.open).hasValue(0)
    }

    @Test
    @DisplayName("ids that were found before the list fails are emitted before the failure")
    fun ids_failing_emitsWhatWasFound() = runTest {
        fill(3)
        val failing = object : SignalKeyStore by store {
            override fun ids(type: KeyType<*>, idPrefix: String): Stream<String> =
                Stream.concat(store.ids(type, idPrefix), Stream.of("").map<String> { throw IOException("mine") })
        }
        val emitted = mutableListOf<String>()

        val failure = runCatching { CoroutineKeyStore(failing).ids(KeyTypes.LID_MAPPING).collect { emitted += it } }

        assertThat(failure.exceptionOrNull()).isInstanceOf(IOException::class.java).hasMessage("mine")
        assertThat(emitted).hasSize(3)
    }
}
