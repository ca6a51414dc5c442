package dev.keystore.bench.report;

import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

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
            "#bcbd22", "#e377c2", "#005f73", "#aa7700", "#6a3d9a", "#33a02c", "#a6761d", "#1b4f9c");

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
        StringWriter text = new StringWriter();
        try {
            Svg svg = new Svg(XMLOutputFactory.newInstance().createXMLStreamWriter(text));
            svg.begin(WIDTH, HEIGHT);
            svg.text(WIDTH / 2.0, TOP / 2.0, "middle", "bold", title);
            axes(svg);
            for (int n = 0; n < lines.size(); n++) {
                draw(svg, lines.get(n), COLOURS.get(n % COLOURS.size()), n);
            }
            svg.end();
        } catch (XMLStreamException e) {
            throw new IllegalStateException(e);
        }
        return text.toString();
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
        double magnitude = Math.pow(10, Math.floor(Math.log10(most)));
        return Math.ceil(most / magnitude * 2) / 2 * magnitude;
    }

    private double x(int step) {
        double width = WIDTH - LEFT - RIGHT;
        return LEFT + width * (step + 0.5) / steps.size();
    }

    private double y(double value) {
        double height = HEIGHT - TOP - BOTTOM;
        return HEIGHT - BOTTOM - height * value / top();
    }

    /** Writes the SVG elements of a chart. */
    private record Svg(XMLStreamWriter out) {

        static String number(double value) {
            return String.format(Locale.ROOT, "%.1f", value);
        }

        void begin(int width, int height) throws XMLStreamException {
            out.writeStartElement("svg");
            out.writeDefaultNamespace("http://www.w3.org/2000/svg");
            attribute("viewBox", "0 0 " + width + " " + height);
            attribute("width", String.valueOf(width));
            attribute("height", String.valueOf(height));
            attribute("font-family", "sans-serif");
            attribute("font-size", "13");
            element("rect", "width", "100%", "height", "100%", "fill", "#ffffff");
        }

        void end() throws XMLStreamException {
            out.writeCharacters("\n");
            out.writeEndElement();
            out.writeCharacters("\n");
            out.close();
        }

        void line(double x1, double y1, double x2, double y2, String colour) throws XMLStreamException {
            element("line", "x1", number(x1), "y1", number(y1), "x2", number(x2), "y2", number(y2), "stroke", colour);
        }

        void path(String points, String colour) throws XMLStreamException {
            element("polyline", "points", points, "fill", "none", "stroke", colour, "stroke-width", "2");
        }

        void dot(double x, double y, String colour) throws XMLStreamException {
            element("circle", "cx", number(x), "cy", number(y), "r", "3.5", "fill", colour);
        }

        void text(double x, double y, String anchor, String weight, String text) throws XMLStreamException {
            out.writeCharacters("\n  ");
            out.writeStartElement("text");
            attribute("x", number(x));
            attribute("y", number(y));
            attribute("text-anchor", anchor);
            attribute("font-weight", weight);
            out.writeCharacters(text);
            out.writeEndElement();
        }

        private void element(String name, String... attributes) throws XMLStreamException {
            out.writeCharacters("\n  ");
            out.writeEmptyElement(name);
            for (int n = 0; n < attributes.length; n += 2) {
                attribute(attributes[n], attributes[n + 1]);
            }
        }

        private void attribute(String name, String value) throws XMLStreamException {
            out.writeAttribute(name, value);
        }
    }
}
