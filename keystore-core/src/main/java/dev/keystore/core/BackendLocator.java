package dev.keystore.core;

import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import dev.keystore.UnsupportedFormatException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendProvider;
import dev.keystore.spi.Sealing;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Finds the registered provider of a URL's scheme and opens the backend (R62). */
final class BackendLocator {

    private static final Pattern SCHEME = Pattern.compile("(jdbc:)?[A-Za-z][A-Za-z0-9+.-]*(?=:)");

    /**
     * The path of a database file: letters, digits, dots, dashes and spaces between slashes, optionally after a drive.
     */
    private static final Pattern FILE = Pattern.compile(
            "([A-Za-z]:[/\\\\])?[/\\\\]?([\\w. ~-]+[/\\\\])*[\\w. -]+\\.(db3?|sqlite3?|(?<mapdb>mapdb))");

    private BackendLocator() {}

    /**
     * Opens a backend. If the store does not exist and is to be encrypted, the root key is looked for before the store
     * is created (R72).
     *
     * @param sealing how the values are to be encrypted, or null
     */
    static Backend open(BackendConfig config, @Nullable Sealing sealing) {
        BackendProvider provider = find(config.url(), registered());
        if (sealing == null || config.mustExist()) {
            return open(provider, config);
        }
        try {
            return open(provider, new BackendConfig(config.url(), config.properties(), true));
        } catch (StoreNotFoundException e) {
            sealing.open(null).close();
            return open(provider, config);
        }
    }

    /** Opens a backend. The exceptions that describe the URL or the store are not taken for interruptions. */
    private static Backend open(BackendProvider provider, BackendConfig config) {
        try {
            return provider.open(config);
        } catch (StoreNotFoundException | UnsupportedFormatException | IllegalArgumentException e) {
            throw e;
        } catch (RuntimeException e) {
            RuntimeException interruption = BackendFailures.asInterruption(provider.name() + " to open a store", e);
            throw interruption == null ? e : interruption;
        }
    }

    private static List<BackendProvider> registered() {
        try {
            return ServiceLoader.load(BackendProvider.class).stream()
                    .map(ServiceLoader.Provider::get)
                    .toList();
        } catch (ServiceConfigurationError e) {
            throw new StoreOpenException("A registered backend provider could not be loaded: " + e.getMessage(), e);
        }
    }

    static BackendProvider find(String url, List<BackendProvider> providers) {
        List<BackendProvider> matching = providers.stream()
                .filter(provider -> url.startsWith(provider.scheme() + ":"))
                .toList();
        if (matching.size() == 1) {
            return matching.get(0);
        }
        String scheme = schemeOf(url);
        if (matching.isEmpty()) {
            String problem = scheme.isEmpty()
                    ? "The URL has no scheme" + suggestion(url)
                    : "No backend is registered for scheme \"" + scheme + "\"; found: ";
            throw new StoreOpenException(
                    problem + describe(providers)
                            + ". Add the backend's artifact, for example dev.keystore:keystore-backend-jdbc for"
                            + " jdbc:sqlite or dev.keystore:keystore-backend-mapdb for mapdb, to the class path",
                    null);
        }
        throw new StoreOpenException(
                "Several backends are registered for scheme \"" + scheme + "\": " + describe(matching)
                        + ". Keep one of them on the class path, or pass an opened backend to the builder",
                null);
    }

    /**
     * Returns the scheme of a URL, or an empty string if it has none. Messages show nothing else of a URL, since the
     * rest may hold a password; the exception is a URL that can only be the path of a file.
     */
    private static String schemeOf(String url) {
        Matcher scheme = SCHEME.matcher(url);
        return scheme.lookingAt() && !FILE.matcher(url).matches() ? scheme.group() : "";
    }

    private static String suggestion(String url) {
        Matcher file = FILE.matcher(url);
        if (!file.matches()) {
            return "; found: ";
        }
        return "; did you mean " + (file.group("mapdb") == null ? "jdbc:sqlite:" : "mapdb:") + url + "? Found: ";
    }

    private static String describe(List<BackendProvider> providers) {
        return providers.isEmpty()
                ? "none"
                : providers.stream()
                        .map(provider -> provider.scheme() + " (" + provider.name() + ", "
                                + provider.getClass().getName() + ")")
                        .collect(Collectors.joining(", "));
    }
}
