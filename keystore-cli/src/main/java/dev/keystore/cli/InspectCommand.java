package dev.keystore.cli;

import dev.keystore.core.ContextInspection;
import dev.keystore.core.ContextInspection.Damage;
import dev.keystore.core.ContextInspection.SignedKey;
import dev.keystore.core.ContextReport;
import dev.keystore.core.StoreInspection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Says what a store holds and what to do. */
@Command(
        name = "inspect",
        description = {
            "Counts and sizes by type, sessions by age, pre-keys left, ages of signed keys, damaged records,"
                    + " encryption, what to do.",
            "Takes nothing over. The ages of sessions are known if keystore-libsignal began them."
        })
final class InspectCommand extends StoreCommand {

    @Parameters(index = "1", arity = "0..1", paramLabel = "CONTEXT", description = "Only this context.")
    private @Nullable String chosen;

    @Option(
            names = "--html",
            paramLabel = "FILE",
            description = {
                "Write the result as one HTML page.",
                "It replaces an earlier one, and any other file only after a question."
            })
    private @Nullable Path html;

    private final Instant now = Instant.now();
    private final List<String> json = new ArrayList<>();
    private boolean intact = true;

    @Override
    public boolean onlyLooks() {
        return true;
    }

    @Override
    int run() throws IOException {
        if (html != null) {
            requireReplaceable(html);
        }
        try (StoreInspection store = store().inspect(url());
                HtmlPage page = html == null ? null : HtmlPage.create(html, Urls.withoutSecrets(url()), now);
                Progress progress = output().progress("Reading")) {
            String encryption = InspectionText.encryption(store.encryption(), store.hidesNames());
            output().line("Store: " + encryption);
            List<Damage> ofStore = store.damagedOfStore();
            intact = ofStore.isEmpty();
            ofStore.forEach(this::print);
            if (page != null) {
                ofStore.forEach(page::add);
            }
            Counter counter = new Counter();
            Optional<String> unlisted = Listed.forEach(store, chosen, name -> {
                ContextInspection context = store.inspect(name, entries -> {
                    counter.entries += entries;
                    progress.at(counter.contexts, 0, counter.entries);
                });
                Listed.existing(context, chosen);
                counter.contexts++;
                ContextReport found = ContextReport.of(store, context, now);
                progress.clear();
                print(found);
                if (page != null) {
                    page.add(found);
                }
            });
            if (output().isJson()) {
                output().out()
                        .println("{\"encryption\":"
                                + Json.of(store.encryption().orElse(null)) + ",\"namesHidden\":" + store.hidesNames()
                                + ",\"damaged\":"
                                + Json.of(ofStore.stream()
                                        .map(ContextReport::toMap)
                                        .toList())
                                + ",\"contexts\":[" + String.join(",", json) + "],\"unlisted\":"
                                + Json.of(unlisted.orElse(null)) + "}");
            }
            boolean complete = !reportUnlisted(unlisted);
            if (page != null) {
                page.complete(encryption, unlisted);
                output().line("Written: " + html);
            }
            return intact && complete ? ExitCodes.DONE : ExitCodes.FINDINGS;
        }
    }

    /** Asks before a file is replaced that is not an earlier page; it may be a store or a key. */
    private void requireReplaceable(Path file) throws IOException {
        if (Files.isDirectory(file)) {
            throw new Refusal(file + " is a folder; name a file in it");
        }
        if (!isConfirmed() && !HtmlPage.isReplaceable(file)) {
            Confirmation.require(
                    List.of("File " + file + " is not a page of keystore inspect. It will be replaced, and is lost."),
                    "replace",
                    "name another file, or confirm by --yes");
        }
    }

    /** How much was read so far. */
    private static final class Counter {
        private long contexts;
        private long entries;
    }

    private void print(ContextReport found) {
        ContextInspection context = found.context();
        intact &= context.isIntact();
        if (output().isJson()) {
            json.add(Json.of(found.toMap()));
            return;
        }
        output().line("");
        output().line("Context \"" + Text.visible(context.context()) + "\": " + Text.count(context.entries(), "entry")
                + ", " + Text.bytes(context.bytes()));
        output().line("  owner: " + Text.visible(Owners.text(context.owner().orElse(null))) + ", last commit "
                + Owners.lastCommit(context));
        InspectionText.move(context).ifPresent(words -> output().line("  cannot be opened: " + Text.visible(words)));
        context.types()
                .forEach((type, contents) -> output().line("  %-28s %10s %12s, largest %s"
                        .formatted(
                                Text.visible(type),
                                Text.number(contents.entries()),
                                Text.bytes(contents.bytes()),
                                Text.bytes(contents.largestBytes()))));
        if (!context.sessionsByAge().isEmpty()) {
            output().line("  sessions by age: " + InspectionText.sessions(context));
        }
        output().line("  pre-keys left: " + context.preKeysLeft() + ", one-time Kyber pre-keys left: "
                + context.kyberPreKeysLeft());
        for (SignedKey key : InspectionText.longLivedKeys(context)) {
            output().line("  " + key.entry().type() + " "
                    + Text.visible(key.entry().id()) + ": " + InspectionText.use(key) + ", "
                    + InspectionText.age(key, now));
        }
        if (!context.entriesByKey().isEmpty()) {
            output().line("  entries by key: " + context.entriesByKey());
        }
        context.damaged().forEach(this::print);
        InspectionText.furtherDamaged(context).ifPresent(line -> output().line("  " + line));
        context.incomplete().ifPresent(reason -> output().line("  incomplete: " + Text.visible(reason)));
        found.advice().forEach(sentence -> output().line("  to do: " + sentence));
    }

    private void print(Damage damage) {
        output().line("  damaged: " + Text.visible(damage.reason()));
        output().line("    " + ContextReport.advice(damage));
    }
}
