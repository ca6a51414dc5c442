package dev.keystore.bench.report;

import java.util.List;
import java.util.Locale;

/**
 * A figure over several rounds.
 *
 * @param median the median
 * @param least the least
 * @param most the most
 */
public record Spread(double median, double least, double most) {

    /** Returns the spread of one or more values. */
    static Spread of(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int middle = sorted.size() / 2;
        double median = sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
        return new Spread(median, sorted.get(0), sorted.get(sorted.size() - 1));
    }

    /** Returns the median, followed by the least and the most in parentheses unless they are equal. */
    @Override
    public String toString() {
        return least == most ? figure(median) : figure(median) + " (" + figure(least) + "–" + figure(most) + ")";
    }

    /** Returns a number with three significant digits, or all digits before the decimal point. */
    public static String figure(double value) {
        double size = Math.abs(value);
        String format = size >= 100 ? "%,.0f" : size >= 10 ? "%.1f" : size >= 0.1 || size == 0 ? "%.2f" : "%.3f";
        return String.format(Locale.ROOT, format, value);
    }
}
