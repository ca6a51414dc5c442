/** Messages of the Signal protocol. */
@NullMarked
package dev.keystore.bench.message;

import org.jspecify.annotations.NullMarked;
