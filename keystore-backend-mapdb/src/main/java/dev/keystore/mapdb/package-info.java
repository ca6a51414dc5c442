/**
 * The MapDB backend: a folder with a journal of commits, checkpoints of what they add up to, and a MapDB file that is
 * made from them.
 *
 * <p>MapDB's own transactions don't survive a crash, so none of them is used. What counts is in files of this package's
 * own: {@code Journal} and {@code JournalReader} (one record and one fsync a group), {@code EntryFileWriter} and
 * {@code EntryFileReader} (checkpoints, written aside and renamed). {@code Entries} holds what is
 * read: MapDB in a {@code WorkingMap}, which can be thrown away at any time and is made again by {@code Recovery}, and
 * before it the groups that are not in it yet.
 */
@NullMarked
package dev.keystore.mapdb;

import org.jspecify.annotations.NullMarked;
