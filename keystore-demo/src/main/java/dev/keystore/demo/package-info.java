/**
 * A program that demonstrates Keystore.
 *
 * <p>{@link dev.keystore.demo.Conversation} links libsignal-client, which is AGPL-3.0.
 */
@NullMarked
package dev.keystore.demo;

import org.jspecify.annotations.NullMarked;
