/**
 * Import of accounts from other stores, and export back to them.
 *
 * <p>Main types:
 *
 * <ul>
 *   <li>{@link dev.keystore.interop.AccountImport} reads a {@link dev.keystore.interop.ForeignStore} and writes it to a
 *       {@link dev.keystore.SignalKeyStore}; {@link dev.keystore.interop.AccountExport} does the opposite.
 *   <li>{@link dev.keystore.interop.BaileysFolder} and {@link dev.keystore.interop.JsonLinesFile} can be imported and
 *       exported; {@link dev.keystore.interop.BaileysDatabase}, {@link dev.keystore.interop.BaileysExFolder},
 *       {@link dev.keystore.interop.WhatsmeowDatabase} and {@link dev.keystore.interop.SignalCliAccount} imported.
 *   <li>{@link dev.keystore.interop.TransferReport} accounts for everything that was found.
 * </ul>
 *
 * <p>Every failure is a {@link dev.keystore.KeyStoreException}. Rule numbers such as {@code R92} refer to the contract
 * in {@code docs/contract.md} in the repository; {@code docs/migrating.md} describes what is carried from where.
 */
@NullMarked
package dev.keystore.interop;

import org.jspecify.annotations.NullMarked;
