/**
 * Tests for those who write a backend, and backends for those who test with one.
 *
 * <ul>
 *   <li>{@link dev.keystore.testkit.BackendContractTest} holds the contract tests. A backend's author extends it in
 *       some ten lines; what the backend does not claim shows as skipped tests, by name.
 *   <li>{@link dev.keystore.testkit.CrashContractTest} kills processes that use a backend, and checks what they leave.
 *   <li>{@link dev.keystore.testkit.MinimalBackend} is the least that a backend can be: an example to read.
 *   <li>{@link dev.keystore.testkit.MemoryBackend} claims everything that a backend can claim, and only remembers.
 *   <li>{@link dev.keystore.testkit.FaultyBackend} fails, waits and counts as {@link dev.keystore.testkit.Faults} say.
 * </ul>
 */
@NullMarked
package dev.keystore.testkit;

import org.jspecify.annotations.NullMarked;
