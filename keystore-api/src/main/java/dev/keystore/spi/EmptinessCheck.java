package dev.keystore.spi;

/** A backend with many contexts that knows whether it holds any entry at all. */
public interface EmptinessCheck {

    /**
     * Returns whether this backend holds no entry of any context.
     *
     * <p>The engine asks before it marks a store as encrypted, since a store that has entries which are not encrypted
     * must not become one (R72). Without this capability, it looks only at the default context.
     *
     * @return whether there is no entry
     * @throws BackendException if that could not be read
     */
    boolean isEmpty();
}
