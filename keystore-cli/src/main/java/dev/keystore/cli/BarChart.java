package dev.keystore.cli;

import java.util.Map;
import java.util.function.LongFunction;

/** A chart of horizontal bars, as inline SVG, with a text for readers that show no pictures. */
final class BarChart {

    private static final int WIDTH = 320;
    private static final int ROW = 40;
    private static final int BAR = 14;

    private BarChart() {}

    /**
     * Appends a chart.
     *
     * @param title what the bars show
     * @param values the length of each bar, by its name
     * @param label returns the text of a length
     */
    static void append(Html html, String title, Map<String, Long> values, LongFunction<String> label) {
        long longest = values.values().stream().mapToLong(Long::longValue).max().orElse(0);
        int height = ROW * values.size();
        html.markup("<figure><figcaption>")
                .text(title)
                .markup("</figcaption>\n<svg role=\"img\" viewBox=\"0 0 " + WIDTH + " " + height + "\">")
                .element("title", title)
                .markup("\n");
        int top = 0;
        for (Map.Entry<String, Long> value : values.entrySet()) {
            long width = longest == 0 ? 0 : Math.max(1, Math.round((double) WIDTH * value.getValue() / longest));
            int baseline = top + BAR;
            html.markup("<text x=\"0\" y=\"" + baseline + "\">")
                    .text(value.getKey() + ": " + label.apply(value.getValue()))
                    .markup("</text><rect x=\"0\" y=\"" + (baseline + 5) + "\" width=\"" + width + "\" height=\"" + BAR
                            + "\" rx=\"2\"/>\n");
            top += ROW;
        }
        html.markup("</svg></figure>\n");
    }
}
