/** Reads of what is in memory. */
@NullMarked
package dev.keystore.bench.read;

import org.jspecify.annotations.NullMarked;
