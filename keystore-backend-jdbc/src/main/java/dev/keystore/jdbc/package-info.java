/**
 * The JDBC backend: entries in one table of a relational database, through JDBI.
 *
 * <p>{@code JdbcBackend} and {@code Writer} are the same for every engine; what is SQLite's own is in the classes that
 * carry its name: the provider, the dialect, the file and its format.
 */
@NullMarked
package dev.keystore.jdbc;

import org.jspecify.annotations.NullMarked;
