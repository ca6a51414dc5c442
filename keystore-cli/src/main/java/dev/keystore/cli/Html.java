package dev.keystore.cli;

/** HTML text that escapes what is put into it. */
final class Html {

    private final StringBuilder html = new StringBuilder();

    /** Appends markup. Only literals of this program may be passed. */
    Html markup(String markup) {
        html.append(markup);
        return this;
    }

    /** Appends text of any origin. */
    Html text(String text) {
        Text.visible(text).codePoints().forEach(point -> {
            switch (point) {
                case '&' -> html.append("&amp;");
                case '<' -> html.append("&lt;");
                case '>' -> html.append("&gt;");
                case '"' -> html.append("&quot;");
                case '\'' -> html.append("&#39;");
                default -> html.appendCodePoint(point);
            }
        });
        return this;
    }

    /** Appends an element that contains nothing but text. */
    Html element(String name, String text) {
        return markup("<" + name + ">").text(text).markup("</" + name + ">");
    }

    /** Appends a row of a table; the first cell is its heading. */
    Html row(String heading, String... cells) {
        markup("<tr>").markup("<th scope=\"row\">").text(heading).markup("</th>");
        for (String cell : cells) {
            element("td", cell);
        }
        return markup("</tr>\n");
    }

    /** Begins a table, which scrolls on its own where it is wider than the screen. */
    Html beginTable(String... headings) {
        markup("<div class=\"wide\"><table><thead><tr>");
        for (String heading : headings) {
            markup("<th scope=\"col\">").text(heading).markup("</th>");
        }
        return markup("</tr></thead><tbody>\n");
    }

    Html endTable() {
        return markup("</tbody></table></div>\n");
    }

    @Override
    public String toString() {
        return html.toString();
    }
}
