/**
 * Programs that show Keystore at work.
 *
 * <p>{@link dev.keystore.examples.Conversation} links libsignal-client, which is AGPL-3.0.
 */
@NullMarked
package dev.keystore.examples;

import org.jspecify.annotations.NullMarked;
