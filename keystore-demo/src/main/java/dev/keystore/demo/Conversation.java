package dev.keystore.demo;

import dev.keystore.KeyStoreException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendProvider;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A conversation between two users of libsignal-client that continues where it stopped, even if it was killed.
 *
 * <p>Alice and Bob each have a context in one SQLite file. A letter takes three commits: the sender seals it into the
 * outbox, the receiver opens it into the inbox, and the sender removes it from the outbox. Each run first delivers the
 * letters that an earlier one left in flight, then sends five more.
 *
 * <p>Usage: {@code Conversation [--kill[=SEED|=no]] [FILE]}. With {@code --kill} the process kills itself at a random
 * point of a commit and exits with code 99; {@code --kill=no} has no effect. The file is {@code conversation.db} by
 * default.
 */
public final class Conversation {

    /**
     * The property that names a folder to empty at the start: libsignal unpacks 142 MB, which a killed run leaves
     * behind.
     */
    private static final String TEMPORARY_FOLDER = "conversation.tmp";

    private static final String RUNS = "runs";
    private static final String OPEN_RUNS = "open-runs";

    private final PrintStream out;
    private final Correspondent alice;
    private final Correspondent bob;

    private Conversation(PrintStream out, SignalKeyDatabase database) {
        this.out = out;
        alice = new Correspondent(database.forContext("alice"));
        bob = new Correspondent(database.forContext("bob"));
    }

    /**
     * Runs the conversation. Exits with code 1 and a message if the file can't be used.
     *
     * @param args as described above
     * @throws Exception if libsignal or the file system failed
     */
    public static void main(String[] args) throws Exception {
        Path file = Path.of("conversation.db");
        Optional<Long> kill = Optional.empty();
        for (String arg : args) {
            if (arg.startsWith("--kill")) {
                kill = seed(arg);
            } else {
                file = Path.of(arg);
            }
        }
        empty(System.getProperty(TEMPORARY_FOLDER));
        String url = "jdbc:sqlite:" + file;
        Optional<KillSwitch> killSwitch = kill.map(seed -> new KillSwitch(backend(url), seed, System.out));
        try (SignalKeyDatabase database = killSwitch.isEmpty()
                ? SignalKeyDatabase.open(url)
                : SignalKeyDatabase.builder()
                        .backend(killSwitch.get().backend())
                        .open()) {
            converse(database, file, killSwitch);
        } catch (KeyStoreException e) {
            System.err.println(e.getMessage());
            System.exit(1);
        }
    }

    private static void converse(SignalKeyDatabase database, Path file, Optional<KillSwitch> killSwitch)
            throws Exception {
        SignalKeyStore diary = database.forContext("conversation");
        int run = diary.find(Correspondent.COUNTER, RUNS).orElse(0) + 1;
        boolean stopped = diary.find(Correspondent.COUNTER, OPEN_RUNS).isPresent();
        System.out.printf("%n  Conversation in %s, run %d%n%n", file.getFileName(), run);
        killSwitch.ifPresent(KillSwitch::announce);
        diary.useTransaction("run", tx -> {
            tx.put(Correspondent.COUNTER, RUNS, run);
            tx.put(Correspondent.COUNTER, OPEN_RUNS, 1);
        });

        Conversation conversation = new Conversation(System.out, database);
        if (stopped) {
            System.out.println("  The previous run was killed. Letters it left in flight:");
        }
        int found = conversation.recover();
        if (stopped) {
            System.out.println(found == 0 ? "  none\n" : "");
        }
        conversation.introduce();
        conversation.talk();
        diary.delete(Correspondent.COUNTER, OPEN_RUNS);

        System.out.printf("%n  %d letters opened, each once; none lost, none in flight.%n", conversation.check());
        System.out.println("  Run it again, and it continues from here. With -Dkill it is killed in a commit.\n");
    }

    /** Delivers every letter in flight and returns their number. */
    private int recover() throws Exception {
        return recover(alice, bob) + recover(bob, alice);
    }

    private int recover(Correspondent from, Correspondent to) throws Exception {
        int found = 0;
        for (int number : from.unconfirmed()) {
            Correspondent.Delivery delivery = to.receive(from, number, from.letter(number));
            String what = delivery.openedBefore() ? "was opened: not again" : "was in flight: now opened";
            show(number, from, to, what, delivery.text());
            from.confirm(number);
            found++;
        }
        return found;
    }

    private void introduce() throws Exception {
        for (Correspondent correspondent : new Correspondent[] {alice, bob}) {
            if (correspondent.isNew()) {
                out.printf(
                        "  %-5s  new account, registration id %d%n",
                        correspondent.name(), correspondent.registrationId());
            }
        }
        if (alice.meet(bob)) {
            out.printf("  alice  started a session (PQXDH) from bob's pre-keys: X25519 and Kyber-1024%n%n");
        }
    }

    private void talk() throws Exception {
        int next = Math.max(alice.lastSent(), bob.lastSent()) + 1;
        for (int number = next; number < next + Script.LETTERS_A_RUN; number++) {
            Correspondent from = Script.isAlices(number) ? alice : bob;
            Correspondent to = from == alice ? bob : alice;
            String line = Script.line(number);
            Letter letter = Script.isToGroup(number) ? from.sendToGroup(to, number, line) : from.send(to, number, line);
            Correspondent.Delivery delivery = to.receive(from, number, letter);
            show(number, from, to, letter.seal(), delivery.text());
            from.confirm(number);
        }
    }

    private void show(int number, Correspondent from, Correspondent to, String how, String text) {
        String receiver = Script.isToGroup(number) ? "group" : to.name();
        out.printf("  %4d  %-5s -> %-5s  %-25s  %s%n", number, from.name(), receiver, how, text);
    }

    /** Returns the number of letters, and fails if one was lost, altered or opened twice. */
    private int check() {
        int sent = Math.max(alice.lastSent(), bob.lastSent());
        for (int number = 1; number <= sent; number++) {
            Correspondent to = Script.isAlices(number) ? bob : alice;
            if (!to.received(number).equals(Optional.of(Script.line(number)))) {
                throw new IllegalStateException("Letter " + number + " is not in the inbox of " + to.name());
            }
        }
        int opened = alice.opened() + bob.opened();
        if (opened != sent
                || !alice.unconfirmed().isEmpty()
                || !bob.unconfirmed().isEmpty()) {
            throw new IllegalStateException(sent + " letters sent, " + opened + " opened");
        }
        return opened;
    }

    /** Returns the seed after {@code --kill=}, which makes a run repeatable, or empty for {@code no}. */
    private static Optional<Long> seed(String arg) {
        String seed = arg.substring(arg.indexOf('=') + 1);
        if (seed.equals("no")) {
            return Optional.empty();
        }
        return Optional.of(seed.matches("-?[0-9]{1,18}") ? Long.parseLong(seed) : new Random().nextLong());
    }

    /** Opens the backend as {@link SignalKeyDatabase#open} does, so that it can be wrapped in a kill switch. */
    private static Backend backend(String url) {
        return ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(provider -> url.startsWith(provider.scheme() + ":"))
                .findFirst()
                .orElseThrow()
                .open(new BackendConfig(url, Map.of()));
    }

    private static void empty(@Nullable String folder) throws IOException {
        if (folder == null) {
            return;
        }
        Path root = Files.createDirectories(Path.of(folder));
        try (Stream<Path> left = Files.walk(root)) {
            for (Path path : left.sorted(Comparator.reverseOrder()).toList()) {
                if (!path.equals(root)) {
                    Files.delete(path);
                }
            }
        }
    }
}
