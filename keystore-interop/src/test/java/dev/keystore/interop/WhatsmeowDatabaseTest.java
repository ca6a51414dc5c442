package dev.keystore.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.interop.TransferItem.Fate;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Imports databases with the tables of whatsmeow that hold keys, in the schema of version 15. */
@Timeout(600)
class WhatsmeowDatabaseTest {

    private static final String JID = WhatsmeowFixture.JID;
    private static final byte[] KEY = WhatsmeowFixture.KEY;
    private static final byte[] SESSION = WhatsmeowFixture.SESSION;

    @TempDir
    Path temporary;

    private Path file;
    private WhatsmeowFixture source;

    @BeforeEach
    void create() throws Exception {
        file = temporary.resolve("whatsmeow.db");
        source = new WhatsmeowFixture("jdbc:sqlite:" + file);
    }

    private void execute(String sql, Object... values) throws Exception {
        source.execute(sql, values);
    }

    @Test
    @DisplayName("R91 R92 a device is imported, each row is named, and the database is not changed")
    void device_isImported() throws Exception {
        byte[] before = Files.readAllBytes(file);
        assertThat(WhatsmeowDatabase.devices(file)).containsExactly(JID, WhatsmeowFixture.OTHER);
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            TransferReport report =
                    AccountImport.from(WhatsmeowDatabase.at(file, JID)).to(alice);

            WhatsmeowFixture.check(report, alice);
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(before);
    }

    @Test
    @DisplayName("R92 rows that cannot be used are named, and the others are imported")
    void oddRows_areNamed() throws Exception {
        execute("INSERT INTO whatsmeow_sessions VALUES (?, ?, ?)", JID, "nobody", SESSION);
        execute("INSERT INTO whatsmeow_sessions VALUES (?, ?, ?)", JID, "a:1", new byte[] {9});
        execute("INSERT INTO whatsmeow_sessions VALUES (?, ?, ?)", JID, "b:1", new byte[0]);
        execute("INSERT INTO whatsmeow_pre_keys VALUES (?, ?, ?, ?)", JID, 19, new byte[31], true);
        execute("INSERT INTO whatsmeow_pre_keys VALUES (?, ?, ?, ?)", JID, -1, KEY, true);
        execute("INSERT INTO whatsmeow_pre_keys VALUES (?, ?, ?, ?)", JID, 20, "text", true);
        execute("INSERT INTO whatsmeow_privacy_tokens VALUES (?, ?, ?, ?, ?)", JID, null, KEY, 1L, 2L);
        execute("CREATE TABLE whatsmeow_new (a TEXT)");
        execute("INSERT INTO whatsmeow_app_state_version VALUES (?, ?, ?, ?)", JID, "bad", 3, new byte[128]);
        execute("INSERT INTO whatsmeow_app_state_mutation_macs VALUES (?, ?, ?, ?, ?)", JID, "bad", 3, KEY, null);

        Contents contents = Samples.read(WhatsmeowDatabase.at(file, JID));

        assertThat(contents.items().stream().filter(item -> item.fate() == Fate.DAMAGED))
                .hasSize(8);
        assertThat(contents.items()).anyMatch(item -> item.name().equals("table whatsmeow_new"));
        assertThat(contents.ids(KeyTypes.SESSION)).containsExactly("15550100002_1.7");
        assertThat(contents.ids(KeyTypes.PRE_KEY)).containsExactly("17", "18");
        assertThat(contents.ids(KeyTypes.APP_STATE_SYNC_VERSION)).containsExactly("regular");
        assertThat(contents.items())
                .filteredOn(item -> item.id().equals("regular"))
                .singleElement()
                .satisfies(item -> assertThat(item.reason()).isEqualTo("with 1 MACs; 1 were of former versions"));
    }

    @Test
    @DisplayName("R92 a newer schema is refused by version, with those that are known; another database too")
    void newerVersion_isRefused() throws Exception {
        execute("UPDATE whatsmeow_version SET version = 16");
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> Samples.read(WhatsmeowDatabase.at(file, JID)))
                .withMessageContaining("its schema is of version [16]; known are 8 to 15");
        execute("DROP TABLE whatsmeow_version");
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> WhatsmeowDatabase.devices(file))
                .withMessageContaining("it has no tables");
    }

    @Test
    @DisplayName("R92 damaged databases are refused, or rows are named")
    void damaged_sample() throws Exception {
        damage(1, 25);
    }

    @Tag("long")
    @Test
    @DisplayName("R92 500 damaged databases")
    void damaged_whole() throws Exception {
        damage(10_001, 500);
    }

    private void damage(long from, int count) throws Exception {
        byte[] whole = Files.readAllBytes(file);
        int refused = 0;
        long carried = 0;
        for (long seed = from; seed < from + count; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            byte[] damaged = whole.clone();
            if (random.nextInt(4) == 0) {
                damaged = Arrays.copyOf(damaged, random.nextInt(damaged.length));
            } else {
                for (int i = random.nextInt(1, 40); i > 0; i--) {
                    damaged[random.nextInt(100, damaged.length)] ^= (byte) (1 << random.nextInt(Byte.SIZE));
                }
            }
            Files.write(file, damaged);
            try {
                carried +=
                        Samples.read(WhatsmeowDatabase.at(file, JID)).entries().size();
            } catch (ForeignStoreException e) {
                refused++;
            }
        }
        System.out.println("whatsmeow databases, seeds " + from + " to " + (from + count - 1) + ": " + refused
                + " refused; in the others " + carried + " entries");
        assertThat(refused).isBetween(1, count - 1);
        assertThat(carried).isPositive();
    }
}
