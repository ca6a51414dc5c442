package dev.keystore.bench.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.xml.stream.XMLStreamException;

/** An SVG chart of several series over the same steps. */
final class LineChart {

    private static final int WIDTH = 860;
    private static final int HEIGHT = 420;
    private static final int LEFT = 60;
    private static final int RIGHT = 320;
    private static final int TOP = 50;
    private static final int BOTTOM = 60;
    private static final int GRID_LINES = 5;
    private static final int LEGEND_STEP = 20;
    private static final List<String> COLOURS = List.of(
            "#b3001b", "#1f77b4", "#2ca02c", "#7f7f7f", "#444444", "#ff7f0e", "#9467bd", "#8c564b", "#17becf",
            "#bcbd22", "#e377c2", "#005f73", "#aa7700", "#6a3d9a", "#33a02c", "#a6761d", "#1b4f9c", "#ff9896",
            "#c71585", "#5f9e00", "#00a0e0", "#800000", "#7a5cff");

    private record Series(String title, List<Optional<Spread>> figures) {}

    private final String title;
    private final String xTitle;
    private final String yTitle;
    private final List<String> steps;
    private final List<Series> lines = new ArrayList<>();

    LineChart(String title, String xTitle, String yTitle, List<String> steps) {
        this.title = title;
        this.xTitle = xTitle;
        this.yTitle = yTitle;
        this.steps = List.copyOf(steps);
    }

    /**
     * Adds a series with one figure per step, empty where it was not measured. A series without figures is left out.
     */
    void add(String name, List<Optional<Spread>> figures) {
        if (figures.stream().anyMatch(Optional::isPresent)) {
            lines.add(new Series(name, List.copyOf(figures)));
        }
    }

    /** Returns the chart. */
    String svg() {
        return Svg.of(WIDTH, HEIGHT, svg -> {
            svg.text(WIDTH / 2.0, TOP / 2.0, "middle", "bold", title);
            axes(svg);
            for (int n = 0; n < lines.size(); n++) {
                draw(svg, lines.get(n), COLOURS.get(n % COLOURS.size()), n);
            }
        });
    }

    private void axes(Svg svg) throws XMLStreamException {
        double top = top();
        for (int n = 0; n <= GRID_LINES; n++) {
            double value = top * n / GRID_LINES;
            svg.line(LEFT, y(value), WIDTH - RIGHT, y(value), n == 0 ? "#000000" : "#dddddd");
            svg.text(LEFT - 8.0, y(value) + 4, "end", "normal", Spread.figure(value));
        }
        for (int n = 0; n < steps.size(); n++) {
            svg.line(x(n), y(0), x(n), y(0) + 4, "#000000");
            svg.text(x(n), y(0) + 20, "middle", "normal", steps.get(n));
        }
        svg.text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 14.0, "middle", "normal", xTitle);
        svg.text(LEFT - 40.0, TOP - 12.0, "start", "normal", yTitle);
    }

    private void draw(Svg svg, Series line, String colour, int number) throws XMLStreamException {
        List<String> points = new ArrayList<>();
        for (int n = 0; n < steps.size(); n++) {
            if (line.figures.get(n).isPresent()) {
                Spread figure = line.figures.get(n).get();
                svg.line(x(n), y(figure.least()), x(n), y(figure.most()), colour);
                svg.dot(x(n), y(figure.median()), colour);
                points.add(Svg.number(x(n)) + "," + Svg.number(y(figure.median())));
            }
        }
        svg.path(String.join(" ", points), colour);
        double legendY = TOP + 10.0 + number * LEGEND_STEP;
        svg.line(WIDTH - RIGHT + 16.0, legendY - 4, WIDTH - RIGHT + 40.0, legendY - 4, colour);
        svg.dot(WIDTH - RIGHT + 28.0, legendY - 4, colour);
        svg.text(WIDTH - RIGHT + 48.0, legendY, "start", "normal", line.title);
    }

    /** Returns the top of the vertical axis, a round number. */
    private double top() {
        double most = lines.stream()
                .flatMap(line -> line.figures.stream())
                .flatMap(Optional::stream)
                .mapToDouble(Spread::most)
                .max()
                .orElse(1);
        return Svg.endOfAxis(most);
    }

    private double x(int step) {
        double width = WIDTH - LEFT - RIGHT;
        return LEFT + width * (step + 0.5) / steps.size();
    }

    private double y(double value) {
        double height = HEIGHT - TOP - BOTTOM;
        return HEIGHT - BOTTOM - height * value / top();
    }
}
