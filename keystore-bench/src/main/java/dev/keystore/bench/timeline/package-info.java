/** Where the time of a group of commits goes, from traced methods. */
@NullMarked
package dev.keystore.bench.timeline;

import org.jspecify.annotations.NullMarked;
