package dev.keystore.cli;

import dev.keystore.core.ContextInspection;
import dev.keystore.core.ContextInspection.Damage;
import dev.keystore.core.ContextInspection.SessionAge;
import dev.keystore.core.ContextInspection.SignedKey;
import dev.keystore.core.ContextInspection.TypeContents;
import dev.keystore.core.ContextReport;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The result of an inspection as one HTML page: without scripts, fonts or pictures from elsewhere, and readable on a
 * phone. It takes the place of an existing file when it is complete.
 */
final class HtmlPage implements AutoCloseable {

    /** Of further contexts, only those are described for which there is something to do. */
    private static final int CONTEXTS_DESCRIBED = 100;

    /** Further contexts are only counted. */
    private static final int CONTEXTS_LISTED = 2_000;

    private static final String DOCTYPE = "<!DOCTYPE html>";
    private static final String TITLE = "<title>Keystore: ";

    /** In as many bytes at the beginning of a page, its title is found. */
    private static final int BYTES_OF_HEAD = 16_384;

    private static final String HEAD = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="referrer" content="no-referrer">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <style>
            :root { --ink: #1d2733; --soft: #5b6875; --line: #d8dee4; --paper: #fff; --bar: #2f6fb2; --bad: #b3261e }
            @media (prefers-color-scheme: dark) {
              :root { --ink: #e4e9ee; --soft: #9aa7b3; --line: #37424d; --paper: #14191f;
                      --bar: #6aa7e8; --bad: #ff8a80 }
            }
            body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
                   max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere }
            h1 { font-size: 1.4rem } h2 { font-size: 1.15rem; margin-top: 2rem; border-top: 1px solid var(--line);
                 padding-top: 1rem }
            .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .75rem; margin: 0 }
            .cards div { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem }
            dt { color: var(--soft); font-size: .85rem } dd { margin: 0; font-size: 1.25rem }
            .bad { color: var(--bad) } .soft { color: var(--soft) }
            .wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
            th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line);
                     vertical-align: top; font-variant-numeric: tabular-nums; overflow-wrap: normal }
            thead th { color: var(--soft); font-weight: 600; font-size: .85rem; white-space: nowrap }
            tbody th { font-weight: 400; overflow-wrap: anywhere; min-width: 8rem }
            .damage td { overflow-wrap: anywhere }
            @media (max-width: 40rem) {
              .damage thead { display: none } .damage tr, .damage th, .damage td { display: block }
              .damage th, .damage td:not(:last-child) { border: 0; padding-bottom: 0 }
            }
            figure { margin: 1rem 0; max-width: 26rem } figcaption { color: var(--soft); font-size: .85rem }
            svg { width: 100%; height: auto } svg text { font-size: 11px; fill: currentColor }
            svg rect { fill: var(--bar) }
            </style>
            """;

    private final Path file;
    private final Path unfinished;
    private final String url;
    private final Instant now;

    private final Map<String, TypeContents> types = new TreeMap<>();
    private final Map<SessionAge, Long> sessions = new EnumMap<>(SessionAge.class);
    private final Html list = new Html();
    private final Html todo = new Html();
    private final Html details = new Html();
    private long contexts;
    private long damaged;
    private long toDo;
    private long described;

    private HtmlPage(Path file, Path unfinished, String url, Instant now) {
        this.file = file;
        this.unfinished = unfinished;
        this.url = url;
        this.now = now;
    }

    /**
     * Begins a page.
     *
     * @param url the URL of the store, without secrets
     * @throws IOException if it can't be written; so it is known before the store is read
     */
    static HtmlPage create(Path file, String url, Instant now) throws IOException {
        Path page = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
        return new HtmlPage(page, Files.createTempFile(page.getParent(), "keystore-", ".html"), url, now);
    }

    /**
     * Returns whether nothing else is lost if a page gets the name of a file: it does not exist, is empty, or is such a
     * page.
     *
     * @throws IOException if that cannot be found out
     */
    static boolean isReplaceable(Path file) throws IOException {
        if (!Files.exists(file)) {
            return true;
        }
        if (!Files.isRegularFile(file)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(file)) {
            String beginning = new String(in.readNBytes(BYTES_OF_HEAD), StandardCharsets.UTF_8);
            return beginning.isEmpty() || (beginning.startsWith(DOCTYPE) && beginning.contains(TITLE));
        }
    }

    /** Adds a damaged entry of the store itself. */
    void add(Damage ofStore) {
        damaged++;
        toDo++;
        todo.markup("<li>")
                .text(ofStore.reason())
                .markup("<ul>")
                .element("li", ContextReport.advice(ofStore))
                .markup("</ul></li>\n");
    }

    void add(ContextReport found) {
        ContextInspection context = found.context();
        contexts++;
        damaged += context.damagedEntries();
        context.types().forEach((type, contents) -> types.merge(type, contents, HtmlPage::sum));
        context.sessionsByAge().forEach((age, count) -> sessions.merge(age, count, Long::sum));
        boolean describes = contexts <= CONTEXTS_DESCRIBED
                || (!found.advice().isEmpty() && described < CONTEXTS_LISTED)
                || (!context.isIntact() && described < CONTEXTS_LISTED);
        if (contexts <= CONTEXTS_LISTED) {
            list(context, describes);
        }
        if (!found.advice().isEmpty()) {
            toDo++;
            if (toDo <= CONTEXTS_LISTED) {
                toDo(found, describes);
            }
        }
        if (describes) {
            described++;
            describe(found);
        }
    }

    private static TypeContents sum(TypeContents all, TypeContents more) {
        return new TypeContents(
                all.entries() + more.entries(),
                all.bytes() + more.bytes(),
                Math.max(all.largestBytes(), more.largestBytes()));
    }

    private void list(ContextInspection context, boolean describes) {
        list.markup("<tr><th scope=\"row\">");
        link(list, context.context(), describes);
        InspectionText.move(context)
                .ifPresent(words ->
                        list.markup("<br><span class=\"bad\">").text(words).markup("</span>"));
        list.markup("</th>")
                .element("td", Text.number(context.entries()))
                .element("td", bytes(context.bytes()))
                .element("td", Owners.text(context.owner().orElse(null)))
                .element("td", Owners.lastCommit(context))
                .markup("</tr>\n");
    }

    private void link(Html html, String context, boolean describes) {
        if (describes) {
            html.markup("<a href=\"#c" + contexts + "\">").text(context).markup("</a>");
        } else {
            html.text(context);
        }
    }

    private void toDo(ContextReport found, boolean describes) {
        todo.markup("<li>");
        link(todo, found.context().context(), describes);
        todo.markup("<ul>");
        found.advice().forEach(sentence -> todo.element("li", sentence));
        todo.markup("</ul></li>\n");
    }

    private void describe(ContextReport found) {
        ContextInspection context = found.context();
        details.markup("<section id=\"c" + contexts + "\">")
                .element("h2", context.context())
                .markup("<p>")
                .text(Text.count(context.entries(), "entry") + ", " + Text.bytes(context.bytes()) + "; owner: "
                        + Owners.text(context.owner().orElse(null)) + "; last commit: "
                        + Owners.lastCommit(context))
                .markup("</p>\n");
        InspectionText.move(context)
                .ifPresent(words -> details.markup("<p class=\"bad\">")
                        .text("It cannot be opened: " + words)
                        .markup("</p>\n"));
        context.incomplete()
                .ifPresent(reason -> details.markup("<p class=\"bad\">")
                        .text("Incomplete: " + reason)
                        .markup("</p>\n"));
        contents(details, context.types());
        if (!context.sessionsByAge().isEmpty()) {
            details.markup("<p>")
                    .text("Sessions by age: " + InspectionText.sessions(context))
                    .markup("</p>\n");
        }
        details.markup("<p>")
                .text("Pre-keys left: " + Text.number(context.preKeysLeft()) + "; one-time Kyber pre-keys left: "
                        + Text.number(context.kyberPreKeysLeft()))
                .markup("</p>\n");
        if (!InspectionText.longLivedKeys(context).isEmpty()) {
            details.beginTable("signed key", "type", "use", "age");
            for (SignedKey key : InspectionText.longLivedKeys(context)) {
                details.row(
                        key.entry().id(), key.entry().type(), InspectionText.use(key), InspectionText.age(key, now));
            }
            details.endTable();
        }
        if (!context.damaged().isEmpty()) {
            damage(context);
        }
        details.markup("</section>\n");
    }

    private void damage(ContextInspection context) {
        details.markup("<h3 class=\"bad\">")
                .text("Damaged entries: " + Text.number(context.damagedEntries()))
                .markup("</h3>\n<div class=\"damage\">")
                .beginTable("id", "type", "why", "what to do");
        for (Damage damage : context.damaged()) {
            details.row(damage.entry().id(), damage.entry().type(), damage.reason(), ContextReport.advice(damage));
        }
        details.endTable();
        InspectionText.furtherDamaged(context)
                .ifPresent(line -> details.markup("<p>").text(line).markup("</p>"));
        details.markup("</div>");
    }

    private static void contents(Html html, Map<String, TypeContents> types) {
        html.beginTable("type", "entries", "bytes", "largest");
        types.forEach((type, contents) -> html.row(
                type, Text.number(contents.entries()), bytes(contents.bytes()), bytes(contents.largestBytes())));
        html.endTable();
    }

    /** Returns a size whose unit stays next to its number. */
    private static String bytes(long bytes) {
        return Text.bytes(bytes).replace(' ', '\u00a0');
    }

    /** Writes the page. */
    void complete(String encryption, Optional<String> unlisted) throws IOException {
        long entries = types.values().stream().mapToLong(TypeContents::entries).sum();
        long bytes = types.values().stream().mapToLong(TypeContents::bytes).sum();
        Html page = new Html().markup(HEAD).element("title", "Keystore: " + url);
        page.markup("</head>\n<body>\n<main>\n").element("h1", "Keystore: " + url);
        page.markup("<p class=\"soft\">")
                .text("As of " + now.truncatedTo(ChronoUnit.SECONDS) + "; " + encryption)
                .markup("</p>\n<dl class=\"cards\">");
        card(page, "contexts", Text.number(contexts), false);
        card(page, "entries", Text.number(entries), false);
        card(page, "size of the values", Text.bytes(bytes), false);
        card(page, "damaged entries", Text.number(damaged), damaged > 0);
        page.markup("</dl>\n");
        unlisted.ifPresent(reason -> page.markup("<p class=\"bad\">")
                .text("Further contexts may exist: " + reason)
                .markup("</p>\n"));
        page.markup("<section id=\"to-do\"><h2>What to do</h2>\n");
        if (toDo == 0) {
            page.element("p", "Nothing.");
        } else {
            page.markup("<ul>\n").markup(todo.toString()).markup("</ul>\n");
            more(page, toDo);
        }
        page.markup("</section>\n<section id=\"types\"><h2>By type</h2>\n");
        Map<String, Long> byEntries = new TreeMap<>();
        Map<String, Long> byBytes = new TreeMap<>();
        types.forEach((type, contents) -> {
            byEntries.put(type, contents.entries());
            byBytes.put(type, contents.bytes());
        });
        BarChart.append(page, "Entries by type", byEntries, Text::number);
        BarChart.append(page, "Bytes by type", byBytes, Text::bytes);
        contents(page, types);
        page.markup("</section>\n");
        sessions(page);
        page.markup("<section id=\"contexts\"><h2>Contexts</h2>\n")
                .beginTable("context", "entries", "bytes", "owner", "last commit")
                .markup(list.toString())
                .endTable();
        more(page, contexts);
        page.markup("</section>\n").markup(details.toString());
        page.markup("</main>\n</body>\n</html>\n");
        Files.writeString(unfinished, page.toString());
        Files.move(unfinished, file, StandardCopyOption.REPLACE_EXISTING);
    }

    private void sessions(Html page) {
        if (!sessions.isEmpty()) {
            Map<String, Long> byAge = new LinkedHashMap<>();
            sessions.forEach((age, count) -> byAge.put(InspectionText.age(age), count));
            page.markup("<section id=\"sessions\"><h2>Sessions</h2>\n");
            BarChart.append(page, "Sessions by age", byAge, Text::number);
            page.markup("<p class=\"soft\">The age of a session is known if keystore-libsignal began it.</p>\n");
            page.markup("</section>\n");
        }
    }

    private static void card(Html page, String name, String value, boolean bad) {
        page.markup("<div>")
                .element("dt", name)
                .markup(bad ? "<dd class=\"bad\">" : "<dd>")
                .text(value)
                .markup("</dd></div>");
    }

    private static void more(Html page, long all) {
        if (all > CONTEXTS_LISTED) {
            page.element("p", "And " + Text.number(all - CONTEXTS_LISTED) + " more contexts.");
        }
    }

    /** Removes what is left of a page that was not completed. */
    @Override
    public void close() throws IOException {
        Files.deleteIfExists(unfinished);
    }
}
