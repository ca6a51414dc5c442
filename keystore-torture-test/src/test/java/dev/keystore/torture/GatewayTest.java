package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.libsignal.SignalAccount;
import dev.keystore.torture.GatewayScript.Sending;
import dev.keystore.torture.GatewayServer.KillMoment;
import dev.keystore.torture.child.GatewayAccount;
import dev.keystore.torture.child.GatewayChild;
import dev.keystore.torture.child.GatewayNetwork.Loopback;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.rmi.Remote;
import java.rmi.server.UnicastRemoteObject;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A gateway of many accounts in one store, whose process is killed and whose network loses and doubles messages. */
class GatewayTest {

    private static final int WORKERS = 4;
    private static final int SIGKILL = 128 + 9;
    private static final List<KillMoment> MOMENTS = List.copyOf(EnumSet.allOf(KillMoment.class));

    @TempDir
    private Path folder;

    private final long seed = Long.getLong("keystore.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @Test
    @Timeout(300)
    @DisplayName("R11 R12 a gateway of 30 accounts that is killed twice delivers every message once")
    void thirtyAccounts_deliverEachMessageOnce() throws Exception {
        run(new GatewayScript(seed, 30, 3, 100, 3, 2), 30, 4, 2);
    }

    @Test
    @Tag("long")
    @Timeout(1800)
    @DisplayName("R11 R12 a gateway of 200 accounts and 20 groups delivers every message of an hour once")
    void twoHundredAccounts_deliverEachMessageOfAnHourOnce() throws Exception {
        run(new GatewayScript(seed, 200, 20, 6_000, 40, 30), 200, 180, 20);
    }

    private void run(GatewayScript script, int accounts, double realSeconds, int kills) throws Exception {
        System.out.println("GatewayTest from seed " + seed + " (keystore.seed)");
        GatewayServer server = new GatewayServer(seed, script, accounts, WORKERS, realSeconds);
        String url = "jdbc:sqlite:" + folder.resolve("gateway.db");
        Loopback loopback = new Loopback();
        Remote stub = UnicastRemoteObject.exportObject(server, 0, loopback, loopback);
        try {
            for (int kill = 1; kill <= kills; kill++) {
                Process child = start(url, stub, accounts);
                while (server.second() < kill * GatewayScript.SECONDS / (kills + 1)) {
                    if (child.waitFor(20, TimeUnit.MILLISECONDS)) {
                        fail("The process ended with exit code %d before it was killed", child.exitValue());
                    }
                }
                server.killAt(
                        1 + random.nextInt(100), MOMENTS.get(random.nextInt(MOMENTS.size())), child::destroyForcibly);
                assertThat(exit(child, 120))
                        .as("exit code of a process that is killed")
                        .isEqualTo(SIGKILL);
            }
            server.allowEnd();
            assertThat(exit(start(url, stub, accounts), 900)).isZero();
        } finally {
            UnicastRemoteObject.unexportObject(server, true);
        }
        Map<String, Integer> counts = server.counts();
        int recipients = script.sendings().stream()
                .mapToInt(sending -> sending.task().recipients().size())
                .sum();
        System.out.println("GatewayTest: " + kills + " kills, "
                + script.sendings().size() + " messages to " + recipients + " recipients, " + counts);
        assertThat(server.faults()).isEmpty();
        assertThat(counts)
                .containsEntry("accounts", accounts)
                .containsKeys("lost", "doubled", "sent but not confirmed", "acknowledgments lost", "new identities");
        assertThat(counts.get("recognized by libsignal")).isPositive();
        assertDeliveredOnce(url, script, accounts);
    }

    private Process start(String url, Remote stub, int accounts) throws IOException {
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        Path network = temporary.resolve("network");
        try (ObjectOutputStream out = new ObjectOutputStream(Files.newOutputStream(network))) {
            out.writeObject(stub);
        }
        return KillableJvm.start(
                GatewayChild.class,
                List.of(url, network.toString(), Integer.toString(accounts), Integer.toString(WORKERS)),
                folder.resolve("output"),
                temporary);
    }

    private int exit(Process child, int seconds) throws IOException, InterruptedException {
        return KillableJvm.exitCode(child, seconds, folder.resolve("tmp"));
    }

    private static void assertDeliveredOnce(String url, GatewayScript script, int accounts) {
        Map<String, Set<String>> expected = new HashMap<>();
        for (Sending sending : script.sendings()) {
            for (String recipient : sending.task().recipients()) {
                expected.computeIfAbsent(recipient, each -> new HashSet<>())
                        .add(sending.task().id());
            }
        }
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            for (int i = 0; i < accounts; i++) {
                String name = GatewayChild.name(i);
                SignalKeyStore store = database.forContext(name);
                try (Stream<String> ids = store.ids(GatewayAccount.HANDLED, "")) {
                    assertThat(ids)
                            .as("messages of %s", name)
                            .containsExactlyInAnyOrderElementsOf(expected.getOrDefault(name, Set.of()))
                            .allSatisfy(id -> assertThat(store.find(GatewayAccount.HANDLED, id))
                                    .as("how often %s was handled by %s", id, name)
                                    .hasValue(1));
                }
                try (Stream<String> encrypted = store.ids(GatewayAccount.DECRYPTED, "")) {
                    assertThat(encrypted)
                            .as("encrypted messages of %s", name)
                            .hasSizeGreaterThanOrEqualTo(
                                    expected.getOrDefault(name, Set.of()).size())
                            .allSatisfy(id -> assertThat(store.find(GatewayAccount.DECRYPTED, id))
                                    .as("how often %s was handled by %s", id, name)
                                    .hasValue(1));
                }
                SignalAccount account = SignalAccount.open(store, GatewayAccount.options(name));
                assertThat(account.inbox().pending()).isEmpty();
                assertThat(account.outbox().pending()).isEmpty();
                assertThat(store.verify()).isEmpty();
            }
        }
    }
}
