package dev.keystore.cli;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Shows how far a command has come: a bar on a terminal, which is drawn in place; elsewhere a line now and then. Lines
 * go to the error output, so that they do not mix with results.
 */
final class Progress implements AutoCloseable {

    private static final long BAR_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long LINE_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final int BAR_WIDTH = 24;
    private static final int LINE_WIDTH = 79;

    private final PrintWriter out;
    private final boolean terminal;
    private final String what;
    private final LongSupplier nanoTime;
    private final long start;
    private long shown;
    private boolean drawn;

    /**
     * Begins.
     *
     * @param out writes to the terminal, or else to the error output
     * @param what what is being done, for example "Copying"
     */
    Progress(PrintWriter out, boolean terminal, String what) {
        this(out, terminal, what, System::nanoTime);
    }

    Progress(PrintWriter out, boolean terminal, String what, LongSupplier nanoTime) {
        this.out = out;
        this.terminal = terminal;
        this.what = what;
        this.nanoTime = nanoTime;
        this.start = nanoTime.getAsLong();
        this.shown = start;
    }

    /**
     * Shows how far it is, unless that was done a moment ago.
     *
     * @param all how many contexts there are, 0 if that is unknown
     */
    void at(long contexts, long all, long entries) {
        if (isDue()) {
            show(bar(contexts, all), line(contexts, all, entries, shown - start));
        }
    }

    /**
     * Shows how far it is with one account, unless that was done a moment ago.
     *
     * @param all how many items there are, 0 if that is unknown
     */
    void at(long items, long all) {
        if (isDue()) {
            show(bar(items, all), Text.number(items) + (all == 0 ? "" : " of " + Text.number(all)) + " items");
        }
    }

    private boolean isDue() {
        long now = nanoTime.getAsLong();
        if (now - shown < (terminal ? BAR_NANOS : LINE_NANOS)) {
            return false;
        }
        shown = now;
        return true;
    }

    private void show(String bar, String line) {
        if (terminal) {
            out.print("\r" + fitted(bar + line));
            out.flush();
            drawn = true;
        } else {
            out.println(what + ": " + line);
        }
    }

    private static String line(long contexts, long all, long entries, long nanos) {
        String of = all == 0 ? "" : " of " + Text.number(all);
        long perSecond = perSecond(entries, nanos);
        String left = "";
        if (contexts > 0 && contexts < all) {
            long seconds = TimeUnit.NANOSECONDS.toSeconds((long) ((double) nanos / contexts * (all - contexts)));
            left = String.format(Locale.ROOT, ", %d:%02d left", seconds / 60, seconds % 60);
        }
        return Text.number(contexts) + of + " contexts, " + Text.number(perSecond) + " entries/s" + left;
    }

    static long perSecond(long entries, long nanos) {
        return (long) ((double) entries * TimeUnit.SECONDS.toNanos(1) / Math.max(nanos, 1));
    }

    private String bar(long contexts, long all) {
        if (all == 0) {
            return what + " ";
        }
        int filled = (int) (BAR_WIDTH * Math.min(contexts, all) / all);
        return "[" + "#".repeat(filled) + ".".repeat(BAR_WIDTH - filled) + "] ";
    }

    /** Fills the line, so that nothing is left of a longer one. */
    private static String fitted(String line) {
        return line.length() > LINE_WIDTH
                ? line.substring(0, LINE_WIDTH)
                : line + " ".repeat(LINE_WIDTH - line.length());
    }

    /** Removes the bar, until it is drawn again. */
    void clear() {
        if (drawn) {
            out.print("\r" + " ".repeat(LINE_WIDTH) + "\r");
            out.flush();
            drawn = false;
        }
    }

    @Override
    public void close() {
        clear();
    }
}
