/** Durable read-modify-write transactions. */
@NullMarked
package dev.keystore.bench.commit;

import org.jspecify.annotations.NullMarked;
