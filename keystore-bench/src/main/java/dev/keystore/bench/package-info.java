/** What Keystore costs, beside what people would use instead. */
@NullMarked
package dev.keystore.bench;

import org.jspecify.annotations.NullMarked;
