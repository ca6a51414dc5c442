package dev.keystore.cli;

import java.util.Collection;
import java.util.Iterator;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes JSON of maps, iterables, strings, numbers, truth values and null; everything else as its string. */
final class Json {

    private Json() {}

    static String of(@Nullable Object value) {
        StringBuilder json = new StringBuilder();
        append(json, value);
        return json.toString();
    }

    private static void append(StringBuilder json, @Nullable Object value) {
        if (value == null || value instanceof Number || value instanceof Boolean) {
            json.append(value);
        } else if (value instanceof Map<?, ?> map) {
            json.append('{');
            for (Iterator<? extends Map.Entry<?, ?>> entries = map.entrySet().iterator(); entries.hasNext(); ) {
                Map.Entry<?, ?> entry = entries.next();
                string(json, String.valueOf(entry.getKey()));
                json.append(':');
                append(json, entry.getValue());
                json.append(entries.hasNext() ? "," : "");
            }
            json.append('}');
        } else if (value instanceof Collection<?> list) {
            json.append('[');
            for (Iterator<?> elements = list.iterator(); elements.hasNext(); ) {
                append(json, elements.next());
                json.append(elements.hasNext() ? "," : "");
            }
            json.append(']');
        } else {
            string(json, value.toString());
        }
    }

    /**
     * Control characters and everything beyond ASCII become escapes, so that the encoding of the output is harmless.
     */
    private static void string(StringBuilder json, String text) {
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < ' ' || c > '~') {
                json.append("\\u");
                for (int shift = 12; shift >= 0; shift -= 4) {
                    json.append(Character.forDigit(c >> shift & 0xf, 16));
                }
            } else {
                json.append(c);
            }
        }
        json.append('"');
    }
}
