/** Measures what Keystore costs, compared with what people would use instead. */
@NullMarked
package dev.keystore.bench;

import org.jspecify.annotations.NullMarked;
