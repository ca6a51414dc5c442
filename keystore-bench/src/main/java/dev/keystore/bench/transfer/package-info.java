/** Backups, verifications and copies of a large store in a small heap, and what they are compared with. */
@NullMarked
package dev.keystore.bench.transfer;

import org.jspecify.annotations.NullMarked;
