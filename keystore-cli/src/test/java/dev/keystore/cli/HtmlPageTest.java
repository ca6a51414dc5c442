package dev.keystore.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreMove;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The HTML page of inspect: structure, escaping, and that it needs nothing else. */
@Timeout(60)
class HtmlPageTest {

    private static final String CONTEXT = "<script>alert('c')</script> & \"x\" <img src=x onerror=y>";
    private static final String ID = "</td></tr></table><b onclick='z'>bob";

    @TempDir
    private Path folder;

    private Document page() throws Exception {
        Path file = folder.resolve("page.html");
        Files.writeString(file, "<!DOCTYPE html>\n<title>Keystore: a former page</title>");
        int code = Ran.of("inspect", "jdbc:sqlite:" + folder.resolve("keys.db"), "--html", file.toString())
                .code();
        assertThat(code).isEqualTo(ExitCodes.FINDINGS);
        try (var files = Files.list(folder)) {
            assertThat(files.map(each -> each.getFileName().toString()))
                    .as("no unfinished page is left")
                    .filteredOn(name -> name.endsWith(".html"))
                    .containsExactly("page.html");
        }
        return Jsoup.parse(Files.readString(file));
    }

    private void fill() throws Exception {
        String url = "jdbc:sqlite:" + folder.resolve("keys.db");
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            Stores.fill(database.forContext("alice"), 20);
            Stores.fill(database.forContext(CONTEXT), 0);
            database.forContext(CONTEXT)
                    .put(KeyTypes.SESSION, ID, "session of bob evil".getBytes(StandardCharsets.UTF_8));
        }
        Stores.damage(folder.resolve("keys.db"), "evil");
    }

    @Test
    @DisplayName("the page shows totals, what to do, charts, and each context with its damaged entries")
    void structure() throws Exception {
        fill();
        Document page = page();

        assertThat(page.title()).startsWith("Keystore: jdbc:sqlite:");
        assertThat(page.select("h1")).hasSize(1);
        assertThat(page.select("dl.cards dd").eachText())
                .containsExactly("2", "34", page.select("dl.cards dd").get(2).text(), "1");
        assertThat(page.select("#types svg")).hasSize(2);
        assertThat(page.select("#types svg").get(0).select("rect")).hasSameSizeAs(page.select("#types tbody tr"));
        assertThat(page.select("#types tbody tr").eachText()).anyMatch(row -> row.startsWith("session 20 "));
        assertThat(page.select("#types td"))
                .extracting(Element::wholeText)
                .as("a unit stays next to its number")
                .anyMatch(text -> text.endsWith("\u00a0B"))
                .noneMatch(text -> text.endsWith(" B"));
        assertThat(page.select("#contexts tbody th").eachText()).containsExactlyInAnyOrder("alice", CONTEXT);
        assertThat(page.select("#to-do li")).isNotEmpty();
        for (Element link : page.select("a")) {
            assertThat(page.select(link.attr("href"))).as(link.outerHtml()).hasSize(1);
        }
        Element damaged = page.select("h3.bad + div tbody tr").first();
        assertThat(damaged.select("th").text()).isEqualTo(ID);
        assertThat(damaged.select("td").eachText().get(2)).startsWith("delete it");
    }

    @Test
    @DisplayName("a file that is not a page is not replaced without a question, and a link to a page is followed")
    void existingFile_thatIsNoPage_isLeft() throws Exception {
        Path store = folder.resolve("keys.db");
        String url = "jdbc:sqlite:" + store;
        Stores.fill(url, "alice");
        byte[] before = Files.readAllBytes(store);
        Path key = Files.writeString(folder.resolve("root.key"), "a key");
        Path page = Files.createFile(folder.resolve("page.html"));

        for (Path other : List.of(store, key)) {
            Ran ran = Ran.of("inspect", url, "--html", other.toString());

            assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.FAILED);
            assertThat(ran.err()).contains(other.getFileName().toString(), "is not a page", "--yes");
        }
        assertThat(Ran.of("inspect", url, "--html", folder.toString(), "--yes").err())
                .contains("is a folder");
        assertThat(Files.readAllBytes(store)).isEqualTo(before);
        assertThat(key).hasContent("a key");
        assertThat(Ran.of("inspect", url, "--html", page.toString()).code())
                .as("it is empty")
                .isZero();
        Path link = Files.createSymbolicLink(folder.resolve("link.html"), page);
        assertThat(Ran.of("inspect", url, "--html", link.toString()).code()).isZero();
        assertThat(link).isSymbolicLink();
        assertThat(Ran.of("inspect", url, "--html", key.toString(), "--yes").code())
                .isZero();
        assertThat(key).content().startsWith("<!DOCTYPE html>");
    }

    @Test
    @DisplayName("sessions are shown by age, as a chart of all and for each context, also as text and JSON")
    void sessionsByAge() throws Exception {
        String url = "jdbc:sqlite:" + folder.resolve("keys.db");
        KeyType<byte[]> start = KeyType.ofBytes("libsignal-session-start");
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            Stores.fill(database.forContext("alice"), 20);
            long days = 24 * 60 * 60_000L;
            for (int i = 0; i < 5; i++) {
                byte[] began = ByteBuffer.allocate(Long.BYTES)
                        .putLong(System.currentTimeMillis() - (i + 5) * days)
                        .array();
                database.forContext("alice").put(start, "bob." + i, began);
            }
            Stores.fill(database.forContext("none"), 0);
        }
        Path file = folder.resolve("page.html");
        String out = Ran.of("inspect", url, "--html", file.toString()).out();
        Document page = Jsoup.parse(Files.readString(file));

        String all = "under a week 2, under 30 days 3, unknown 15";
        assertThat(out.lines().map(String::strip)).containsOnlyOnce("sessions by age: " + all);
        assertThat(page.select("#sessions svg text").eachText())
                .containsExactly("under a week: 2", "under 30 days: 3", "unknown: 15");
        assertThat(page.select("p").eachText()).containsOnlyOnce("Sessions by age: " + all);
        assertThat(Ran.of("inspect", url, "alice", "--json")
                        .json()
                        .get("contexts")
                        .get(0)
                        .get("sessionsByAge")
                        .toString())
                .isEqualTo("{\"UNDER_A_WEEK\":2,\"UNDER_30_DAYS\":3,\"UNKNOWN\":15}");
    }

    @Test
    @DisplayName("ids and contexts that hold HTML are shown as text")
    void escaping() throws Exception {
        fill();
        try (SignalKeyDatabase source = SignalKeyDatabase.open("jdbc:sqlite:" + folder.resolve("keys.db"));
                SignalKeyDatabase target = SignalKeyDatabase.open("mapdb:" + folder.resolve("moved"))) {
            StoreMove.from(source)
                    .to(target, "<b>there</b>")
                    .contexts(Set.of("alice"))
                    .run();
        }
        Document page = page();

        assertThat(page.select("#contexts th .bad, section p.bad").eachText())
                .containsExactly("moved to <b>there</b>", "It cannot be opened: moved to <b>there</b>");
        assertThat(page.select("script, img, b, iframe, object, embed")).isEmpty();
        assertThat(page.getAllElements().stream()
                        .flatMap(element -> element.attributes().asList().stream())
                        .map(attribute -> attribute.getKey())
                        .filter(name -> name.startsWith("on")))
                .isEmpty();
        assertThat(page.select("h2").eachText()).contains(CONTEXT);
    }

    @Test
    @DisplayName("the page stands alone: no script, nothing is loaded, and it fits a phone")
    void standsAlone() throws Exception {
        fill();
        Document page = page();

        assertThat(page.select("link, script, [src], [srcset], base, form")).isEmpty();
        assertThat(page.html()).doesNotContain("url(", "@import", "http://", "https://");
        assertThat(page.select("meta[name=viewport]").attr("content")).contains("width=device-width");
        assertThat(page.select("meta[http-equiv=Content-Security-Policy]").attr("content"))
                .contains("default-src 'none'");
        assertThat(page.select("table").parents().select(".wide"))
                .as("tables scroll on their own")
                .isNotEmpty();
        assertThat(page.select("table"))
                .allSatisfy(table -> assertThat(table.parent().className()).isEqualTo("wide"));
        assertThat(page.select("html").attr("lang")).isEqualTo("en");
        assertThat(List.of(page.charset().name())).containsExactly("UTF-8");
    }
}
