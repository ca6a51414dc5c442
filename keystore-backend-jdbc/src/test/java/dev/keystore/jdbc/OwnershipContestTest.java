package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two processes that take over one context from each other, while both are stopped, continued and killed. */
@Timeout(300)
final class OwnershipContestTest {

    private static final int NOTES = 10_000_000;
    private static final int ENOUGH_LOSSES = 10;

    @TempDir
    private Path folder;

    private final List<Process> fighters = new ArrayList<>();
    private final List<Path> outputs = new ArrayList<>();

    @AfterEach
    void endAll() {
        fighters.forEach(Process::destroyForcibly);
    }

    @Test
    @DisplayName("R53 two processes that contend for a context on PostgreSQL lose no update; a sample")
    void postgres_sample() throws Exception {
        fightOnPostgres(3);
    }

    @Test
    @Tag("long")
    @DisplayName("R53 two processes that contend for a context on PostgreSQL for a minute lose no update")
    void postgres_minute() throws Exception {
        fightOnPostgres(60);
    }

    @Test
    @Tag("long")
    @DisplayName("R53 two processes that contend for a context on SQLite for a minute lose no update")
    void sqlite_minute() throws Exception {
        Path path = folder.resolve("keys.db");
        contend("jdbc:sqlite:" + path, 60, () -> SqliteFixture.open(path));
    }

    private void fightOnPostgres(int seconds) throws Exception {
        String url = PostgresFixture.url(PostgresFixture.newSchema());
        contend(url, seconds, () -> PostgresFixture.open(url));
    }

    private void contend(String url, int seconds, Supplier<JdbcBackend> opening) throws Exception {
        long seed = Long.getLong("keystore.contest.seed", System.nanoTime());
        System.out.println("keystore.contest.seed=" + seed);
        Random random = new Random(seed);
        List<Process> fighting = new ArrayList<>(List.of(start(url), start(url)));
        long endNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        int kills = 0;
        int pauses = 0;
        while (System.nanoTime() < endNanos || losses() < ENOUGH_LOSSES) {
            int which = random.nextInt(2);
            if (random.nextInt(6) == 0 && acknowledged(outputs.size() - 1).size() > 0) {
                fighting.get(which).destroyForcibly().waitFor();
                fighting.set(which, start(url));
                kills++;
            } else {
                signal(fighting.get(which), "STOP");
                Thread.sleep(random.nextInt(700));
                signal(fighting.get(which), "CONT");
                pauses++;
            }
            Thread.sleep(random.nextInt(300));
        }
        for (Process fighter : fighting) {
            fighter.destroyForcibly().waitFor();
        }
        check(opening.get(), kills, pauses);
    }

    private void check(JdbcBackend backend, int kills, int pauses) throws IOException {
        Map<Integer, Integer> counted = Counting.counted(backend);
        Map<Integer, Integer> acknowledged = new HashMap<>();
        for (int i = 0; i < outputs.size(); i++) {
            acknowledged(i)
                    .forEach((number, note) -> assertThat(acknowledged.put(number, note))
                            .as("another's note under %s", number)
                            .isNull());
        }
        System.out.println(counted.size() + " commits, " + acknowledged.size() + " acknowledged, context lost "
                + losses() + " times, " + pauses + " pauses, " + kills + " kills");
        assertThat(counted).containsAllEntriesOf(acknowledged);
        assertThat(counted.values()).doesNotHaveDuplicates();
    }

    private long losses() throws IOException {
        long losses = 0;
        for (Path output : outputs) {
            losses += Files.readAllLines(output).stream().filter("lost"::equals).count();
        }
        return losses;
    }

    private Process start(String url) throws IOException {
        Path output = folder.resolve("fighter-" + fighters.size());
        Process fighter = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        "-Xmx128m",
                        Contender.class.getName(),
                        url,
                        Integer.toString(fighters.size() * NOTES))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .redirectOutput(output.toFile())
                .start();
        fighters.add(fighter);
        outputs.add(output);
        return fighter;
    }

    /** Returns the commits that a process reported as acknowledged; its last line may be cut off. */
    private Map<Integer, Integer> acknowledged(int fighter) throws IOException {
        Map<Integer, Integer> acknowledged = new HashMap<>();
        String output = Files.readString(outputs.get(fighter));
        output.substring(0, output.lastIndexOf('\n') + 1)
                .lines()
                .filter(line -> line.contains(" "))
                .forEach(line -> {
                    String[] words = line.split(" ", -1);
                    acknowledged.put(Integer.parseInt(words[0]), Integer.parseInt(words[1]));
                });
        return acknowledged;
    }

    private static void signal(Process process, String name) throws Exception {
        new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                .start()
                .waitFor();
    }
}
