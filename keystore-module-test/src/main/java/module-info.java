/** A user's module: it names the engine alone, and the backends are bound as services. */
module dev.keystore.moduletest {
    requires dev.keystore.core;
}
