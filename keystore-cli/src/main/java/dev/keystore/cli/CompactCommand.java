package dev.keystore.cli;

import dev.keystore.core.StoreInspection;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Rewrites the files of a store. */
@Command(
        name = "compact",
        description = {
            "Rewrites the files, so that free space is given back and no former value remains in them.",
            "Needs free space for the current values, on SQLite twice. PostgreSQL reclaims space itself."
        })
final class CompactCommand extends StoreCommand {

    @Option(
            names = "--take-over",
            description = "Also compact while an owner is alive. Nothing is taken over, but its commits wait.")
    private boolean takeOver;

    @Override
    int run() throws IOException {
        if (!takeOver) {
            try (StoreInspection found = store().inspect(url())) {
                Owners.requireNone(found);
            }
        }
        OptionalLong before = StoreSize.bytes(url());
        try (WrittenStore store = WrittenStore.open(store().existing(url()))) {
            store.database().compact();
        }
        OptionalLong after = StoreSize.bytes(url());
        output().line("Size of the files: " + text(before) + " before, " + text(after) + " after");
        if (output().isJson()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("bytesBefore", before.isPresent() ? before.getAsLong() : null);
            json.put("bytesAfter", after.isPresent() ? after.getAsLong() : null);
            output().out().println(Json.of(json));
        }
        return ExitCodes.DONE;
    }

    private static String text(OptionalLong bytes) {
        return bytes.isPresent() ? Text.bytes(bytes.getAsLong()) : "unknown";
    }
}
