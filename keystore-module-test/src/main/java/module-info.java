/** A user's module: it requires only the engine; the backends are bound as services. */
module dev.keystore.moduletest {
    requires dev.keystore.core;
}
