/**
 * The JDBC backend: entries in one table of a relational database, through JDBI.
 *
 * <p>{@code JdbcBackend} is the entrance; {@code WriterConnection}, {@code ReaderPool}, {@code EntryQueries} and
 * {@code GroupWrite} are the same for every database. What differs is in classes with the database's name, behind
 * {@code Dialect} and {@code SqlFailures}.
 */
@NullMarked
package dev.keystore.jdbc;

import org.jspecify.annotations.NullMarked;
