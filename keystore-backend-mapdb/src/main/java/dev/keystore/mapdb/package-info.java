/**
 * The MapDB backend: a folder with a journal of commits, checkpoints of what they add up to, and a MapDB file that is
 * made from them.
 *
 * <p>MapDB's own transactions don't survive a crash, so none of them is used. What counts is in files of this package's
 * own: {@code Journal} and {@code JournalReader} (one record and one fsync a commit), {@code EntryFileWriter} and
 * {@code EntryFileReader} (checkpoints, written aside and renamed). {@code Entries} and {@code WorkingMap} hold MapDB,
 * which can be thrown away at any time; {@code Recovery} makes it again.
 */
@NullMarked
package dev.keystore.mapdb;

import org.jspecify.annotations.NullMarked;
