package dev.keystore.jdbc;

/** The key of a row of entries. */
record RowKey(String context, String type, String id) {}
