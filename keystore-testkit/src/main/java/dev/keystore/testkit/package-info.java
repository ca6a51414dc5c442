/**
 * Contract tests for authors of a backend, and backends to test with.
 *
 * <ul>
 *   <li>{@link dev.keystore.testkit.BackendContractTest} contains the contract tests. A subclass has about ten lines;
 *       tests of interfaces that the backend does not implement are skipped, and the reason names the interface.
 *   <li>{@link dev.keystore.testkit.EncryptedContractTest} runs them with encryption on, and searches the files of the
 *       backend for plaintext after each; {@link dev.keystore.testkit.PlaintextSearch} does so for other tests.
 *   <li>{@link dev.keystore.testkit.CrashContractTest} kills processes that use a backend, and checks the data they
 *       leave.
 *   <li>{@link dev.keystore.testkit.PowerLossContractTest} checks the data that power loss may leave.
 *   <li>{@link dev.keystore.testkit.Tmpfs} is a small file system for tests of a full or read-only disk.
 *   <li>{@link dev.keystore.testkit.MinimalBackend} is the smallest possible backend, as an example.
 *   <li>{@link dev.keystore.testkit.MemoryBackend} is a backend in memory with all capabilities.
 *   <li>{@link dev.keystore.testkit.EncryptedBackend} runs these tests on a backend with encryption on.
 *   <li>{@link dev.keystore.testkit.FaultyBackend} wraps another backend, injects the failures and delays that
 *       {@link dev.keystore.testkit.Faults} specifies, and records calls.
 *   <li>{@link dev.keystore.testkit.FailureAssertions} asserts of which kind a reported failure is.
 * </ul>
 *
 * <p>The rule numbers with which the names of tests begin, such as {@code R12}, refer to the contract in
 * {@code docs/contract.md} in the repository. {@code docs/writing-a-backend.md} builds a backend step by step, and
 * {@code docs/design.md} shows how the engine calls it.
 */
@NullMarked
package dev.keystore.testkit;

import org.jspecify.annotations.NullMarked;
