package dev.keystore.bench.timeline;

/**
 * A call of a traced method.
 *
 * @param thread the id of its thread
 * @param beginNanos when it began, on a clock that all calls of a trace share
 * @param endNanos when it returned
 */
record TracedCall(TracedMethod method, long thread, long beginNanos, long endNanos) {}
