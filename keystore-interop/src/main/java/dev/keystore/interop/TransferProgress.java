package dev.keystore.interop;

/**
 * How far an import or an export has come.
 *
 * @param items the number of files, rows, lines or entries that were read
 * @param allItems the number that there are; 0 if that is not known
 */
public record TransferProgress(long items, long allItems) {}
