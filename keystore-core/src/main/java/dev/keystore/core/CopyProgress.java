package dev.keystore.core;

/**
 * How far a {@link StoreCopy} has come.
 *
 * @param contexts the number of contexts that are done, copied or not
 * @param allContexts the number of contexts that were to be copied when it began
 * @param entries the number of entries that were read from the source, each counted once
 * @param bytes the size of their values, in bytes
 */
public record CopyProgress(long contexts, long allContexts, long entries, long bytes) {}
