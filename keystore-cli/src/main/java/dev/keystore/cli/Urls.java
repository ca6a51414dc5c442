package dev.keystore.cli;

import java.util.regex.Pattern;

/** Removes what may be secret from URLs, and from text that may contain URLs. */
final class Urls {

    /** The options of a URL, up to a space or quote. */
    private static final Pattern OPTIONS = Pattern.compile("(\\b[a-z][a-z0-9+.:-]*:[^\\s?'\"]*)\\?[^\\s'\"]+");

    private static final Pattern USER = Pattern.compile("//[^/@\\s'\"]*@");
    private static final Pattern PASSWORD = Pattern.compile("(?i)(password|passphrase|secret)=[^\\s&'\"]*");

    private Urls() {}

    static String withoutSecrets(String text) {
        String withoutOptions = OPTIONS.matcher(text).replaceAll("$1?…");
        String withoutUser = USER.matcher(withoutOptions).replaceAll("//…@");
        return PASSWORD.matcher(withoutUser).replaceAll("$1=…");
    }
}
