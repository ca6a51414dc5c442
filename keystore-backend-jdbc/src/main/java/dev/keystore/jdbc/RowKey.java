package dev.keystore.jdbc;

/** What a row of the entries is found by. */
record RowKey(String context, String type, String id) {}
