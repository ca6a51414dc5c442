package dev.keystore.core;

import java.nio.file.Path;

/**
 * What a {@link StoreBackup} has written, and read back.
 *
 * @param file the file of the backup
 * @param contexts the number of contexts in it that hold entries; others hold only what the engine stores for itself,
 *     for example after they were erased
 * @param unchanged how many of them were taken from the former backup, since they have not changed
 * @param records the number of records: the entries of all contexts, and those that the engine stores for itself, such
 *     as data keys
 * @param bytes the size of the records, in bytes
 */
public record BackupReport(Path file, long contexts, long unchanged, long records, long bytes) {}
