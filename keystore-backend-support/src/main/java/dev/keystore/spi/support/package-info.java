/**
 * What backends have in common, for backend authors to use where it fits. The engine uses it for its own files.
 *
 * <ul>
 *   <li>{@link dev.keystore.spi.support.OwnerOnly}: creates files and folders that only their owner can access,
 *   <li>{@link dev.keystore.spi.support.Folders}: creates folders, and makes the names of files survive power loss,
 *   <li>{@link dev.keystore.spi.support.SymbolicLinks}: follows the links of a file that may be missing,
 *   <li>{@link dev.keystore.spi.support.FolderLock}: lets one opener at a time use a folder, in one process and across
 *       processes,
 *   <li>{@link dev.keystore.spi.support.Mounts}: finds files that are mounted separately from their folder,
 *   <li>{@link dev.keystore.spi.support.TimedLock}: a lock with a deadline, whose release can't fail,
 *   <li>{@link dev.keystore.spi.support.RunningOperations}: lets running operations end before a backend is closed,
 *   <li>{@link dev.keystore.spi.support.PlatformThreads}: runs network I/O of virtual threads on platform threads,
 *   <li>{@link dev.keystore.spi.support.Await} and {@link dev.keystore.spi.support.Interrupts}: waiting with a
 *       deadline, and file access that an interrupt does not cut short.
 * </ul>
 *
 * <p>Rule numbers in this documentation, such as {@code R31}, refer to the contract in {@code docs/contract.md} in the
 * repository. {@code docs/design.md} shows where backends stand among the modules.
 */
@NullMarked
package dev.keystore.spi.support;

import org.jspecify.annotations.NullMarked;
