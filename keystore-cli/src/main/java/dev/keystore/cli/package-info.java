/** The command {@code keystore}. */
@NullMarked
package dev.keystore.cli;

import org.jspecify.annotations.NullMarked;
