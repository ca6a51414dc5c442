/** Reads of cached entries. */
@NullMarked
package dev.keystore.bench.read;

import org.jspecify.annotations.NullMarked;
