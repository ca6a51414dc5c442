package dev.keystore.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("The conversation, with each run in a separate process")
class ConversationTest {

    private static final int KILLED_RUNS = 3;
    private static final int MANY_KILLED_RUNS = 10;
    private static final Pattern OPENED = Pattern.compile(" +([0-9]+) {2}(?:alice|bob  ) -> .*");

    @TempDir
    Path folder;

    private final List<String> printed = new ArrayList<>();

    @Test
    @DisplayName("R11 continues where it stopped")
    void run_again_goesOn() throws Exception {
        String first = run("no", 0);
        String second = run("no", 0);

        assertThat(first)
                .contains("run 1")
                .contains("PQXDH")
                .contains("pre-key message")
                .contains("sender key, new");
        assertThat(second).contains("run 2").doesNotContain("PQXDH").contains("10 letters opened");
        assertThat(lettersOpened()).containsExactly(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
        assertThat(state()).isEqualTo(new State(10, Set.of()));
    }

    @Test
    @DisplayName("R11 R12 loses no letter and opens none twice, although it is killed repeatedly during commits")
    void run_killedInCommits_losesNothing() throws Exception {
        killRuns(KILLED_RUNS);
    }

    @Test
    @Tag("long")
    @DisplayName("R11 R12 loses no letter and opens none twice in a longer series of kills during commits")
    void run_killedInManyCommits_losesNothing() throws Exception {
        killRuns(MANY_KILLED_RUNS);
    }

    private void killRuns(int killedRuns) throws Exception {
        long seed = Long.getLong("conversation.seed", new Random().nextLong());
        System.out.println("ConversationTest: repeat with -Dconversation.seed=" + seed);
        Random random = new Random(seed);
        int sent = 0;

        for (int run = 0; run < killedRuns; run++) {
            String output = run(Integer.toString(random.nextInt()), KillSwitch.EXIT_CODE);
            assertThat(output).containsPattern("Killed .* commit [0-9]+");
            State state = state();
            assertThat(state.sent).isGreaterThanOrEqualTo(sent);
            assertThat(state.inFlight).hasSizeLessThanOrEqualTo(1);
            sent = state.sent;
        }
        run("no", 0);

        assertThat(state()).isEqualTo(new State(sent + Script.LETTERS_A_RUN, Set.of()));
        assertThat(lettersOpened()).doesNotHaveDuplicates();
        assertThat(lettersMentioned()).hasSize(sent + Script.LETTERS_A_RUN);
    }

    @Test
    @DisplayName("R44 reports a file that is not a store, and leaves it unchanged")
    void run_fileOfSomethingElse_saysSo() throws Exception {
        Files.writeString(folder.resolve("conversation.db"), "Dear diary, ".repeat(1000));

        String output = run("no", 1);

        assertThat(output).contains("conversation.db");
        assertThat(folder.resolve("conversation.db")).hasContent("Dear diary, ".repeat(1000));
    }

    private String run(String kill, int exitCode) throws IOException, InterruptedException {
        Path temporary = Files.createDirectories(folder.resolve("tmp"));
        Path output = folder.resolve("output");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Djava.io.tmpdir=" + temporary,
                        "-Dconversation.tmp=" + temporary,
                        "--enable-native-access=ALL-UNNAMED",
                        "-classpath",
                        System.getProperty("java.class.path"),
                        Conversation.class.getName(),
                        "--kill=" + kill,
                        folder.resolve("conversation.db").toString())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        String text = Files.readString(output, StandardCharsets.UTF_8);
        assertThat(process.exitValue()).as(text).isEqualTo(exitCode);
        assertThat(text).doesNotContain("Exception").doesNotContain("\tat ");
        text.lines().forEach(printed::add);
        return text;
    }

    /**
     * Reads the file without the program, and checks that every letter sent is in an inbox, unaltered, or in flight.
     */
    private State state() {
        try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + folder.resolve("conversation.db"))) {
            SignalKeyStore alice = database.forContext("alice");
            SignalKeyStore bob = database.forContext("bob");
            int sent = Math.max(counter(alice, "sent"), counter(bob, "sent"));
            Set<Integer> inFlight = new HashSet<>();
            int received = 0;
            for (int number = 1; number <= sent; number++) {
                SignalKeyStore from = Script.isAlices(number) ? alice : bob;
                SignalKeyStore to = Script.isAlices(number) ? bob : alice;
                String id = Integer.toString(number);
                if (to.find(Correspondent.INBOX, id).isPresent()) {
                    assertThat(to.find(Correspondent.INBOX, id)).hasValue(Script.line(number));
                    received++;
                } else {
                    assertThat(from.find(Correspondent.OUTBOX, id))
                            .as("letter " + number)
                            .isPresent();
                    inFlight.add(number);
                }
            }
            assertThat(counter(alice, "opened") + counter(bob, "opened")).isEqualTo(received);
            assertThat(ids(alice) + ids(bob)).isEqualTo(received);
            return new State(sent, inFlight);
        }
    }

    private static int counter(SignalKeyStore store, String name) {
        return store.find(Correspondent.COUNTER, name).orElse(0);
    }

    private static long ids(SignalKeyStore store) {
        try (Stream<String> ids = store.ids(Correspondent.INBOX, "")) {
            return ids.count();
        }
    }

    private List<Integer> lettersOpened() {
        return numbers(line -> !line.contains("not again"));
    }

    private Set<Integer> lettersMentioned() {
        return new HashSet<>(numbers(line -> true));
    }

    private List<Integer> numbers(Predicate<String> which) {
        return printed.stream()
                .filter(which)
                .map(OPENED::matcher)
                .filter(Matcher::matches)
                .map(matcher -> Integer.valueOf(matcher.group(1)))
                .toList();
    }

    /** The number of letters sent and the numbers of those not yet received. */
    private record State(int sent, Set<Integer> inFlight) {}
}
