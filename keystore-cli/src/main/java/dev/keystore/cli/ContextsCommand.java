package dev.keystore.cli;

import dev.keystore.ContextPosition;
import dev.keystore.core.ContextInspection;
import dev.keystore.core.ContextReport;
import dev.keystore.core.StoreInspection;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;

/** Lists the contexts of a store, one line each, as they are found; or as one JSON object at the end. */
@Command(
        name = "contexts",
        description = {
            "Lists the contexts: entries, bytes, owner and whether it is alive, last commit.",
            "Reads every entry; takes nothing over."
        })
final class ContextsCommand extends StoreCommand {

    private static final String ROW = "%12s %12s  %-32s %14s  %s";

    private final List<String> json = new ArrayList<>();
    private boolean intact = true;

    @Override
    public boolean onlyLooks() {
        return true;
    }

    @Override
    int run() {
        try (StoreInspection found = store().inspect(url())) {
            output().line(ROW.formatted("ENTRIES", "BYTES", "OWNER", "LAST COMMIT", "CONTEXT"));
            Optional<String> unlisted = Listed.forEach(found, null, name -> print(found.inspect(name)));
            if (output().isJson()) {
                output().out()
                        .println("{\"contexts\":[" + String.join(",", json) + "],\"unlisted\":"
                                + Json.of(unlisted.orElse(null)) + "}");
            }
            boolean complete = !reportUnlisted(unlisted);
            return intact && complete ? ExitCodes.DONE : ExitCodes.FINDINGS;
        }
    }

    private void print(ContextInspection context) {
        intact &= context.isIntact();
        if (output().isJson()) {
            json.add(Json.of(json(context)));
            return;
        }
        String damage = context.isIntact() ? "" : "  (damaged: " + Text.number(context.damagedEntries()) + ")";
        String move =
                InspectionText.move(context).map(words -> "  (" + words + ")").orElse("");
        output().out()
                .println(ROW.formatted(
                        Text.number(context.entries()),
                        Text.bytes(context.bytes()),
                        Text.visible(Owners.text(context.owner().orElse(null))),
                        Owners.lastCommit(context),
                        Text.visible(context.context() + move) + damage));
    }

    private static Map<String, Object> json(ContextInspection context) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("context", context.context());
        json.put("entries", context.entries());
        json.put("bytes", context.bytes());
        json.put("move", context.move().map(ContextReport::toMap).orElse(null));
        json.put("damagedEntries", context.damagedEntries());
        json.put("owner", context.owner().map(ContextReport::toMap).orElse(null));
        json.put("lastCommit", context.position().map(ContextPosition::toString).orElse(null));
        return json;
    }
}
