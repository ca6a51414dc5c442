package dev.keystore.bench.timeline;

import dev.keystore.bench.report.Spread;
import dev.keystore.bench.report.Svg;
import java.util.List;
import java.util.Map;
import javax.xml.stream.XMLStreamException;

/** A picture of several timelines below each other, on one scale. */
final class TimelineChart {

    private static final int WIDTH = 860;
    private static final int LEFT = 270;
    private static final int RIGHT = 150;
    private static final int TOP = 40;
    private static final int TITLE_HEIGHT = 34;
    private static final int ROW_HEIGHT = 18;
    private static final int BAR_HEIGHT = 11;
    private static final int AXIS_HEIGHT = 30;
    private static final int GRID_LINES = 5;
    private static final String BACKEND = "#b3001b";
    private static final String ENGINE = "#1f77b4";
    private static final double LEAST_WIDTH = 1;

    private final String title;
    private final Map<String, GroupTimeline> timelines;
    private final double endMicros;

    /** Creates a picture of timelines by their titles. */
    TimelineChart(String title, Map<String, GroupTimeline> timelines) {
        this.title = title;
        this.timelines = timelines;
        this.endMicros = endOfAxis(timelines);
    }

    String svg() {
        int height = TOP
                + AXIS_HEIGHT
                + timelines.values().stream()
                        .mapToInt(timeline ->
                                TITLE_HEIGHT + ROW_HEIGHT * timeline.bars().size())
                        .sum();
        return Svg.of(WIDTH, height, svg -> draw(svg, height));
    }

    private void draw(Svg svg, int height) throws XMLStreamException {
        svg.text(WIDTH / 2.0, TOP / 2.0, "middle", "bold", title);
        for (int line = 0; line <= GRID_LINES; line++) {
            double micros = endMicros * line / GRID_LINES;
            svg.line(x(micros), TOP, x(micros), height - AXIS_HEIGHT + 4.0, line == 0 ? "#000000" : "#dddddd");
            svg.text(x(micros), height - 10.0, "middle", "normal", Spread.figure(micros) + " µs");
        }
        double y = TOP;
        for (Map.Entry<String, GroupTimeline> timeline : timelines.entrySet()) {
            y += TITLE_HEIGHT;
            svg.text(8, y - 10, "start", "bold", timeline.getKey());
            for (GroupTimeline.Bar bar : timeline.getValue().bars()) {
                draw(svg, bar, y);
                y += ROW_HEIGHT;
            }
        }
    }

    private void draw(Svg svg, GroupTimeline.Bar bar, double y) throws XMLStreamException {
        double begin = x(bar.begin().medianMicros());
        double width = Math.max(
                LEAST_WIDTH, x(bar.begin().medianMicros() + bar.length().medianMicros()) - begin);
        svg.text(LEFT - 12.0, y + BAR_HEIGHT - 1.0, "end", "normal", bar.title());
        svg.rectangle(begin, y, width, BAR_HEIGHT, bar.isInBackend() ? BACKEND : ENGINE);
        svg.text(
                begin + width + 6,
                y + BAR_HEIGHT - 1.0,
                "start",
                "normal",
                Spread.figure(bar.length().medianMicros()) + ", p99 "
                        + Spread.figure(bar.length().p99Micros()));
    }

    private static double endOfAxis(Map<String, GroupTimeline> timelines) {
        double most = timelines.values().stream()
                .map(GroupTimeline::bars)
                .flatMap(List::stream)
                .mapToDouble(bar -> bar.begin().medianMicros() + bar.length().medianMicros())
                .max()
                .orElse(1);
        return Svg.endOfAxis(most);
    }

    private double x(double micros) {
        return LEFT + (WIDTH - LEFT - RIGHT) * micros / endMicros;
    }
}
