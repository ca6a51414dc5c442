package dev.keystore.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Removes what may be secret from URLs, and from text that may contain URLs. */
final class Urls {

    /** The options of a URL, up to a space or quote. */
    private static final Pattern OPTIONS = Pattern.compile("(\\b[a-z][a-z0-9+.:-]*:[^\\s?'\"]*)\\?[^\\s'\"]+");

    private static final Pattern USER = Pattern.compile("//[^/@\\s'\"]*@");
    private static final Pattern PASSWORD = Pattern.compile("(?i)(password|passphrase|secret)=[^\\s&'\"]*");

    private static final Pattern ANY = Pattern.compile("(?s)(jdbc:)?[a-z][a-z0-9+.-]*:.*\\?.*");

    /** Schemes after which the path of a file or a folder follows. */
    private static final List<String> FILES = List.of("jdbc:sqlite:", "mapdb:");

    private Urls() {}

    /**
     * Returns a URL without what may be secret, as it is kept in a store. The path of a file becomes absolute, since
     * nobody knows later which folder it was relative to.
     */
    static String lasting(String url) {
        int options = url.indexOf('?');
        String base = options < 0 ? url : url.substring(0, options);
        for (String scheme : FILES) {
            String path = base.substring(Math.min(scheme.length(), base.length()));
            if (base.startsWith(scheme) && !path.isEmpty() && !path.startsWith(":") && !path.startsWith("file:")) {
                base = scheme + Path.of(path).toAbsolutePath();
            }
        }
        return USER.matcher(base).replaceAll("//…@") + (options < 0 ? "" : "?…");
    }

    /** Removes what may be secret from text that may contain URLs, among them some of the arguments. */
    static String withoutSecrets(String text, List<String> arguments) {
        String without = text;
        for (String argument : arguments) {
            Matcher url = ANY.matcher(argument);
            if (url.find()) { // its options may hold spaces and quotes
                String found = url.group();
                without = without.replace(found, found.substring(0, found.indexOf('?')) + "?…");
            }
        }
        return withoutSecrets(without);
    }

    static String withoutSecrets(String text) {
        String withoutOptions = OPTIONS.matcher(text).replaceAll("$1?…");
        String withoutUser = USER.matcher(withoutOptions).replaceAll("//…@");
        return PASSWORD.matcher(withoutUser).replaceAll("$1=…");
    }
}
