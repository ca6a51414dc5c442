package dev.keystore.jdbc;

/** The key of a row of entries. */
record RowKey(String context, String type, String id) {

    /**
     * Multiplies the parts by different numbers. With 31 for all of them, as in the hash codes of strings, numbers at
     * the ends of names and ids would cancel each other out: a group of many contexts would share few hash codes.
     */
    @Override
    public int hashCode() {
        return (context.hashCode() * 0x9E3779B1 + type.hashCode()) * 0x85EBCA6B + id.hashCode();
    }
}
