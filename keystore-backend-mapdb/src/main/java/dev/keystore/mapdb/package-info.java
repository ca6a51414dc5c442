/**
 * The MapDB backend: a folder with a journal of commits, checkpoints of their results, and a MapDB file that is derived
 * from them.
 *
 * <p>MapDB's own transactions don't survive a crash, so they are not used. Durable data is in this package's own files:
 * {@code Journal} and {@code JournalReader} (one record and one fsync for each group of commits),
 * {@code EntryFileWriter} and {@code EntryFileReader} (checkpoints, written to a temporary file and renamed).
 * {@code Entries} serves reads from MapDB, in a {@code WorkingMap} that can be discarded at any time and is rebuilt by
 * {@code Recovery}, and from the groups that are not yet applied to it. {@code ReadOnlyBackend} serves a folder that
 * can't be written.
 */
@NullMarked
package dev.keystore.mapdb;

import org.jspecify.annotations.NullMarked;
