/** Turns the measurements of a run into ratios, tables and charts. */
@NullMarked
package dev.keystore.bench.report;

import org.jspecify.annotations.NullMarked;
