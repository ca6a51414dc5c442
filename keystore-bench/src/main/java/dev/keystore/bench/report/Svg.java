package dev.keystore.bench.report;

import java.io.StringWriter;
import java.util.Locale;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/**
 * Writes the elements of an SVG picture.
 *
 * @param out where they are written
 */
public record Svg(XMLStreamWriter out) {

    static String number(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }

    /** Returns a picture of a size in pixels. */
    public static String of(int width, int height, Drawing drawing) {
        StringWriter text = new StringWriter();
        try {
            Svg svg = new Svg(XMLOutputFactory.newInstance().createXMLStreamWriter(text));
            svg.begin(width, height);
            drawing.draw(svg);
            svg.end();
        } catch (XMLStreamException e) {
            throw new IllegalStateException(e);
        }
        return text.toString();
    }

    /** Returns a round number that an axis may end with, at or above the greatest value on it. */
    public static double endOfAxis(double most) {
        double magnitude = Math.pow(10, Math.floor(Math.log10(most)));
        return Math.ceil(most / magnitude * 2) / 2 * magnitude;
    }

    private void begin(int width, int height) throws XMLStreamException {
        out.writeStartElement("svg");
        out.writeDefaultNamespace("http://www.w3.org/2000/svg");
        attribute("viewBox", "0 0 " + width + " " + height);
        attribute("width", String.valueOf(width));
        attribute("height", String.valueOf(height));
        attribute("font-family", "sans-serif");
        attribute("font-size", "13");
        element("rect", "width", "100%", "height", "100%", "fill", "#ffffff");
    }

    private void end() throws XMLStreamException {
        out.writeCharacters("\n");
        out.writeEndElement();
        out.writeCharacters("\n");
        out.close();
    }

    /** Draws a line. */
    public void line(double x1, double y1, double x2, double y2, String colour) throws XMLStreamException {
        element("line", "x1", number(x1), "y1", number(y1), "x2", number(x2), "y2", number(y2), "stroke", colour);
    }

    /** Draws a line through points. */
    public void path(String points, String colour) throws XMLStreamException {
        element("polyline", "points", points, "fill", "none", "stroke", colour, "stroke-width", "2");
    }

    /** Draws a small filled circle. */
    public void dot(double x, double y, String colour) throws XMLStreamException {
        element("circle", "cx", number(x), "cy", number(y), "r", "3.5", "fill", colour);
    }

    /** Writes a text; {@code anchor} says which end of it is at {@code x}. */
    public void text(double x, double y, String anchor, String weight, String text) throws XMLStreamException {
        out.writeCharacters("\n  ");
        out.writeStartElement("text");
        attribute("x", number(x));
        attribute("y", number(y));
        attribute("text-anchor", anchor);
        attribute("font-weight", weight);
        out.writeCharacters(text);
        out.writeEndElement();
    }

    /** Draws a filled rectangle. */
    public void rectangle(double x, double y, double width, double height, String colour) throws XMLStreamException {
        element(
                "rect",
                "x",
                number(x),
                "y",
                number(y),
                "width",
                number(width),
                "height",
                number(height),
                "fill",
                colour);
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

    /** Draws the contents of a picture. */
    @FunctionalInterface
    public interface Drawing {

        /** Draws them. */
        void draw(Svg svg) throws XMLStreamException;
    }
}
