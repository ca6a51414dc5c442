package dev.keystore.interop;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How the ids of a type stand in names of files, where Baileys writes {@code __} for {@code /} and {@code -} for
 * {@code :}. That can be undone only with knowledge of the ids of the type.
 */
enum BaileysIds {
    /** Ids without either character: numbers, addresses, names. */
    PLAIN {
        @Override
        String read(String written) {
            return written;
        }
    },
    /** Users, of which those with a device have a colon before it; a group's id may hold a dash. */
    USER {
        @Override
        String read(String written) {
            return WITH_DEVICE.matcher(written).replaceFirst("$1:$2$3");
        }
    },
    /** Base64, which has slashes, but neither underscores nor dashes. */
    BASE64 {
        @Override
        String read(String written) {
            return written.replace("__", "/");
        }
    },
    /** {@code group::user::device}; a group's id may hold a dash. */
    SENDER_KEY {
        @Override
        String read(String written) {
            Matcher parts = SENDER.matcher(written);
            return parts.matches() ? parts.group(1) + "::" + parts.group(2) + "::" + parts.group(3) : written;
        }
    };

    private static final Pattern WITH_DEVICE =
            Pattern.compile("^([0-9_]+)-([0-9]+)(@(?:s\\.whatsapp\\.net|lid|hosted|hosted\\.lid))$");
    private static final Pattern SENDER = Pattern.compile("(.+?)--([^-]+)--([0-9]+)");

    /** Returns the id that stands in a name of a file as {@code written}. */
    abstract String read(String written);

    static String write(String id) {
        return id.replace("/", "__").replace(":", "-");
    }
}
