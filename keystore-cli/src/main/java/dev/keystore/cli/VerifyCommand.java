package dev.keystore.cli;

import dev.keystore.core.ContextInspection;
import dev.keystore.core.ContextInspection.Damage;
import dev.keystore.core.ContextReport;
import dev.keystore.core.StoreInspection;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Reads every record and lists what is damaged. */
@Command(
        name = "verify",
        description = {
            "Reads every record, and lists what is damaged.",
            "Takes nothing over, and continues on a damaged file as far as anything can be read."
        })
final class VerifyCommand extends StoreCommand {

    @Parameters(index = "1", arity = "0..1", paramLabel = "CONTEXT", description = "Only this context.")
    private @Nullable String context;

    private long contexts;
    private long entries;
    private long bytes;
    private long damagedEntries;

    /** How many of them were not named. */
    private long notNamed;

    private final Map<String, Map<String, Long>> entriesByKey = new LinkedHashMap<>();
    private final List<Map<String, Object>> findings = new ArrayList<>();

    @Override
    public boolean onlyLooks() {
        return true;
    }

    @Override
    int run() {
        Optional<String> unlisted;
        try (StoreInspection found = store().inspect(url());
                Progress progress = output().progress("Verifying")) {
            for (Damage damage : found.damagedOfStore()) {
                damagedEntries++;
                report(null, damage);
            }
            unlisted = Listed.forEach(found, context, name -> verify(found, name, progress));
        }
        boolean complete = !reportUnlisted(unlisted);
        boolean intact = complete && findings.isEmpty();
        output().line(Text.count(contexts, "context") + ", " + Text.count(entries, "entry") + ", " + Text.bytes(bytes)
                + ": " + (intact ? "intact" : "damaged entries: " + Text.number(damagedEntries)));
        printKeys();
        if (output().isJson()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("intact", intact);
            json.put("contexts", contexts);
            json.put("entries", entries);
            json.put("bytes", bytes);
            json.put("damagedEntries", damagedEntries);
            json.put("entriesByKey", entriesByKey);
            json.put("findings", findings);
            json.put("furtherDamagedEntries", notNamed);
            json.put("unlisted", unlisted.orElse(null));
            output().out().println(Json.of(json));
        }
        return intact ? ExitCodes.DONE : ExitCodes.FINDINGS;
    }

    private void verify(StoreInspection store, String name, Progress progress) {
        long before = entries;
        ContextInspection found = store.inspect(name, page -> {
            entries += page;
            progress.at(contexts, 0, entries);
        });
        Listed.existing(found, context);
        entries = before + found.entries();
        bytes += found.bytes();
        damagedEntries += found.damagedEntries();
        contexts++;
        if (found.incomplete().isEmpty() && !found.entriesByKey().isEmpty()) {
            entriesByKey.put(name, found.entriesByKey());
        }
        for (Damage damage : found.damaged()) {
            report(name, damage);
        }
        notNamed += InspectionText.damagedNotNamed(found);
        InspectionText.furtherDamaged(found).ifPresent(output()::line);
        found.incomplete().ifPresent(reason -> report(name, reason));
    }

    /** Says how many keys the records have, and names contexts with several: a rotation of theirs has not ended. */
    private void printKeys() {
        if (entriesByKey.isEmpty()) {
            return;
        }
        long keys = entriesByKey.values().stream().mapToLong(Map::size).sum();
        output().line("Keys in use: " + Text.number(keys));
        entriesByKey.forEach((name, byKey) -> {
            if (byKey.size() > 1) {
                output().line("    context \"" + Text.visible(name) + "\", entries by key: " + byKey);
            }
        });
    }

    private void report(@Nullable String name, Damage damage) {
        output().line(Text.visible(damage.reason()));
        output().line("    " + ContextReport.advice(damage));
        Map<String, Object> json = finding(name, damage.kind().name(), damage.reason());
        json.put("type", damage.entry().type());
        json.put("id", damage.entry().id());
        json.put("advice", ContextReport.advice(damage));
    }

    private void report(String name, String incomplete) {
        output().line(Text.visible(incomplete));
        finding(name, "INCOMPLETE", incomplete);
    }

    /** Adds a finding, of the store itself if the context is null. */
    private Map<String, Object> finding(@Nullable String name, String kind, String reason) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("context", name);
        json.put("kind", kind);
        json.put("reason", reason);
        findings.add(json);
        return json;
    }
}
