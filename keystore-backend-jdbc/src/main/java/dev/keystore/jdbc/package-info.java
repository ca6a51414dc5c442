/**
 * The JDBC backend: entries in one table of a relational database, through JDBI.
 *
 * <p>{@code JdbcBackend}, {@code Writer} and {@code GroupWrite} are the same for every engine; what is an engine's own is
 * in the classes that carry its name, behind {@code Dialect}.
 */
@NullMarked
package dev.keystore.jdbc;

import org.jspecify.annotations.NullMarked;
