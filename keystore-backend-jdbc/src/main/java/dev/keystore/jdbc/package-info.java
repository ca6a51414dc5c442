/**
 * The JDBC backend: entries in one table of a relational database. Reads and commits use plain JDBC; Jdbi does what is
 * rare.
 *
 * <p>{@code JdbcBackend} is the entry point; {@code WriterConnection}, {@code ReaderPool}, {@code EntryQueries} and
 * {@code GroupStatements} are the same for every database. What differs is in classes with the database's name, behind
 * {@code Dialect} and {@code SqlFailures}.
 *
 * <p>Rule numbers in this package, such as {@code R53}, refer to the contract in {@code docs/contract.md} in the
 * repository. {@code docs/design.md} says what each class is, and {@code docs/operating.md} how to run the databases.
 */
@NullMarked
package dev.keystore.jdbc;

import org.jspecify.annotations.NullMarked;
