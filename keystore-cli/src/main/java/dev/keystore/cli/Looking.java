package dev.keystore.cli;

/** A command that may change nothing, whatever happens to it. */
interface Looking {

    /** Returns whether it only looks, with the options that it was called with. */
    boolean onlyLooks();
}
