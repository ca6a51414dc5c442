package dev.keystore.cli;

import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A command on one store. */
abstract class StoreCommand implements Callable<Integer>, Looking {

    @Parameters(index = "0", paramLabel = "URL", description = "The store.")
    private String url = "";

    @Option(names = "--yes", description = "Ask nothing.")
    private boolean yes;

    @Mixin
    private final StoreOptions store = new StoreOptions();

    @Mixin
    private final Output output = new Output();

    @Override
    public final Integer call() throws Exception {
        output.addBackends();
        return run();
    }

    @Override
    public boolean onlyLooks() {
        return false;
    }

    /** Runs the command, and returns its exit code. */
    abstract int run() throws Exception;

    final String url() {
        return url;
    }

    /** Returns whether nothing is to be confirmed. */
    final boolean isConfirmed() {
        return yes;
    }

    final StoreOptions store() {
        return store;
    }

    final Output output() {
        return output;
    }

    /** Reports that a listing of contexts ended early. Returns whether it did. */
    final boolean reportUnlisted(Optional<String> failure) {
        failure.ifPresent(reason -> output.err().println("Further contexts may exist: " + Text.visible(reason)));
        return failure.isPresent();
    }
}
