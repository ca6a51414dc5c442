/**
 * The MapDB backend: a folder with a journal of commits, checkpoints of their results, and a MapDB file that is derived
 * from them.
 *
 * <p>MapDB's own transactions don't survive a crash, so they are not used. Durable data is in files of this package's
 * own format: {@code Journal} and {@code JournalReader} (one record and one fsync for each group of commits),
 * {@code EntryFileWriter} and {@code EntryFileReader} (checkpoints, written to a temporary file and renamed).
 * {@code Entries} serves reads from a {@code WorkingMap}, which is a MapDB file that {@code Recovery} can rebuild at
 * any time, and from the groups that are not yet applied to it. {@code ReadOnlyBackend} serves a folder that can't be
 * written.
 *
 * <p>Rule numbers in this package, such as {@code R53}, refer to the contract in {@code docs/contract.md} in the
 * repository. {@code docs/design.md} draws the file formats and says what each class is.
 */
@NullMarked
package dev.keystore.mapdb;

import org.jspecify.annotations.NullMarked;
