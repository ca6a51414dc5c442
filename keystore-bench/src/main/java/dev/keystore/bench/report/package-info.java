/** What a run is turned into: ratios, tables and pictures. */
@NullMarked
package dev.keystore.bench.report;

import org.jspecify.annotations.NullMarked;
