package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.keystore.KeyTypes;
import dev.keystore.interop.Contents.Found;
import dev.keystore.interop.SignalCliTables.Identity;
import dev.keystore.interop.TransferItem.Fate;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.groups.state.SenderKeyRecord;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.SessionRecord;

/**
 * Damages accounts of signal-cli at random, in tables that are not strict. Damage {@code n} is generated from seed
 * {@code n} alone; repeat one with {@code -Dkeystore.damage.first=n -Dkeystore.damage.count=1}.
 */
@Timeout(600)
class DamagedSignalCliTest {

    private static final List<String> ODD_VALUES = List.of(
            "NULL",
            "''",
            "'text'",
            "x''",
            "x'00'",
            "x'0aff'",
            "-1",
            "128",
            "9223372036854775807",
            "-9223372036854775808",
            "1e300",
            "'../../x'",
            "'PNI:..'",
            "zeroblob(33)",
            "randomblob(3000)");
    private static final Map<String, List<String>> COLUMNS = Map.of(
            "pre_key", List.of("key_id", "public_key", "private_key", "stale_timestamp", "account_id_type"),
            "signed_pre_key", List.of("key_id", "public_key", "private_key", "signature", "timestamp"),
            "kyber_pre_key", List.of("key_id", "serialized", "is_last_resort", "stale_timestamp", "timestamp"),
            "session", List.of("address", "device_id", "record", "account_id_type"),
            "identity", List.of("address", "identity_key", "added_timestamp", "trust_level"),
            "sender_key", List.of("address", "device_id", "distribution_id", "record", "created_timestamp"),
            "sender_key_shared", List.of("address", "device_id", "distribution_id", "timestamp"),
            "group_v2", List.of("group_id", "master_key", "distribution_id"),
            "key_value", List.of("key", "value"));

    @TempDir
    Path temporary;

    private SignalCliFixture source;
    private byte[] file;
    private byte[] database;
    private Contents original;

    @BeforeEach
    void create() throws Exception {
        source = new SignalCliFixture(temporary, false);
        for (String table : List.of("pre_key", "session", "identity", "sender_key", "key_value")) {
            // without the constraints, which a damaged file may violate
            source.execute("CREATE TABLE copy AS SELECT * FROM " + table);
            source.execute("DROP TABLE " + table);
            source.execute("ALTER TABLE copy RENAME TO " + table);
        }
        file = Files.readAllBytes(source.file);
        database = Files.readAllBytes(source.database);
        original = Samples.read(SignalCliAccount.at(source.file));
        assertThat(original.items()).noneMatch(item -> item.fate() == Fate.DAMAGED);
    }

    @Test
    @DisplayName("R92 damaged accounts: libsignal loads what is imported, and everything else is imported or named")
    void sample() throws Exception {
        run(1, 40);
    }

    @Tag("long")
    @Test
    @DisplayName("R92 500 damaged accounts")
    void whole() throws Exception {
        run(10_001, 500);
    }

    private void run(long first, int count) throws Exception {
        long from = Long.getLong("keystore.damage.first", first);
        int damages = Integer.getInteger("keystore.damage.count", count);
        Map<Fate, Integer> fates = new HashMap<>();
        int refused = 0;
        for (long seed = from; seed < from + damages; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            restore();
            String damage = damage(random);
            String what = "seed " + seed + ": " + damage;
            boolean isPni = random.nextInt(4) == 0;
            SignalCliAccount account = SignalCliAccount.at(source.file);
            long before = Samples.allocated();
            Contents contents;
            try {
                contents = Samples.read(isPni ? account.pni() : account);
            } catch (ForeignStoreException e) {
                assertThat(damage).as("%s: %s", what, e.getMessage()).doesNotStartWith("value");
                refused++;
                continue;
            }
            assertThat(Samples.allocated() - before).as(what).isLessThan(Samples.ALLOCATED_AT_MOST);
            check(what, contents);
            Identity identity = isPni ? Identity.PNI : Identity.ACI;
            new RawSignalCli(identity).check(what, source.database, contents);
            checkCredentials(what, identity, contents);
            if (!isPni && damage.startsWith("database")) {
                checkNamed(what, contents);
            }
            if (!isPni && !damage.startsWith("database")) {
                checkOthers(what, damage, contents);
            }
            contents.items().forEach(item -> fates.merge(item.fate(), 1, Integer::sum));
        }
        System.out.println("signal-cli accounts, seeds " + from + " to " + (from + damages - 1) + ": " + refused
                + " refused; in the others items by fate " + fates);
        assertThat(fates).containsKeys(Fate.CARRIED);
        assertThat(damages == 1 || (refused > 0 && fates.containsKey(Fate.DAMAGED)))
                .isTrue();
    }

    private void restore() throws IOException {
        Path folder = source.database.getParent();
        try (var files = Files.list(folder)) {
            for (Path each : files.toList()) {
                Files.delete(each);
            }
        }
        Files.deleteIfExists(source.file);
        Files.write(source.file, file);
        Files.write(source.database, database);
    }

    private static void check(String what, Contents contents) throws Exception {
        for (TransferItem item : contents.items()) {
            assertThat(item.fate() == Fate.CARRIED || !item.reason().isEmpty())
                    .as("%s: %s", what, item)
                    .isTrue();
        }
        for (Found<?> found : contents.entries()) {
            byte[] encoded = found.encoded();
            switch (found.type().name()) {
                case "session" ->
                    assertThat(new SessionRecord(encoded).serialize()).as(what).isNotEmpty();
                case "sender-key" ->
                    assertThat(new SenderKeyRecord(encoded).serialize())
                            .as(what)
                            .isNotEmpty();
                case "kyber-pre-key" ->
                    assertThat(new KyberPreKeyRecord(encoded)
                                    .getKeyPair()
                                    .getPublicKey()
                                    .serialize())
                            .as(what)
                            .isNotEmpty();
                case "identity-key" ->
                    assertThat(new IdentityKey(encoded).serialize()).as(what).isNotEmpty();
                default ->
                    assertThat(found.type().codec().decode(encoded)).as(what).isNotNull();
            }
        }
    }

    /** Checks that credentials that are carried are those of the file. */
    private void checkCredentials(String what, Identity identity, Contents contents) throws Exception {
        if (contents.credentials() == null) {
            return;
        }
        byte[] document = Files.readAllBytes(source.file);
        JsonNode data = Samples.tree(document).get(identity.field);
        LibsignalCredentials expected = new LibsignalCredentials(
                data.get("registrationId").asInt(),
                Buffers.read(data.get("identityPublicKey")),
                Buffers.read(data.get("identityPrivateKey")),
                nextId(data.get("nextPreKeyId")),
                nextId(data.get("nextSignedPreKeyId")),
                nextId(data.get("nextKyberPreKeyId")));
        assertThat(contents.credentials())
                .as(what)
                .isEqualTo(expected.encode(identity == Identity.ACI ? document : new byte[0]));
    }

    private static int nextId(JsonNode id) {
        boolean isInRange = id.asInt() > 0 && id.asInt() <= LibsignalCredentials.MAXIMUM_KEY_ID;
        return isInRange ? id.asInt() : 1;
    }

    /** Checks that no entry is lost without a word: a bit of an id makes another entry of it. */
    private void checkNamed(String what, Contents contents) {
        List<Found<?>> missing = original.entries().stream()
                .filter(found -> contents.entry(found.type().name(), found.id()) == null)
                .toList();
        long added = contents.entries().stream()
                .filter(found -> original.entry(found.type().name(), found.id()) == null)
                .count();
        assertThat(missing.size() <= added || contents.items().stream().anyMatch(item -> item.fate() == Fate.DAMAGED))
                .as("%s: %d entries are missing, and nothing is named", what, missing.size())
                .isTrue();
    }

    /** Compares all entries of tables that were not damaged with the original ones. */
    private void checkOthers(String what, String damage, Contents contents) {
        for (TransferItem item : original.items()) {
            Found<?> expected = original.entry(item.type(), item.id());
            boolean isOfTable = damage.startsWith("value of " + item.name().replaceAll(" .*", "") + ".");
            boolean isIdentity = item.name().startsWith("identity") && damage.startsWith("value of session.");
            if (expected != null && !isOfTable && !isIdentity) {
                assertThat(contents.entry(item.type(), item.id()))
                        .as("%s: %s was not damaged", what, item)
                        .isNotNull();
                assertThat(contents.entry(item.type(), item.id()).encoded())
                        .as("%s: %s was not damaged", what, item)
                        .isEqualTo(expected.encoded());
            }
        }
        assertThat(contents.ids(KeyTypes.SESSION).size()).as(what).isLessThan(3);
    }

    private String damage(SplittableRandom random) throws Exception {
        switch (random.nextInt(12)) {
            case 0 -> {
                Files.write(source.database, Arrays.copyOf(database, random.nextInt(database.length)));
                return "database cut";
            }
            case 1, 2, 3 -> {
                byte[] damaged = database.clone();
                for (int i = random.nextInt(1, 40); i > 0; i--) {
                    damaged[random.nextInt(random.nextInt(10) == 0 ? 100 : damaged.length)] ^=
                            (byte) (1 << random.nextInt(Byte.SIZE));
                }
                Files.write(source.database, damaged);
                return "database bits";
            }
            case 4, 5, 6 -> {
                List<String> tables = COLUMNS.keySet().stream().sorted().toList();
                String table = tables.get(random.nextInt(tables.size()));
                List<String> columns = COLUMNS.get(table);
                String column = columns.get(random.nextInt(columns.size()));
                String value = ODD_VALUES.get(random.nextInt(ODD_VALUES.size()));
                source.execute("UPDATE OR IGNORE " + table + " SET " + column + " = " + value);
                return "value of " + table + "." + column + " = " + value;
            }
            case 7 -> {
                byte[] damaged = file.clone();
                for (int i = random.nextInt(1, 9); i > 0; i--) {
                    damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(Byte.SIZE));
                }
                Files.write(
                        source.file, random.nextBoolean() ? damaged : Arrays.copyOf(file, random.nextInt(file.length)));
                return "file";
            }
            case 8 -> {
                List<String> odd = List.of("1e999999999", "99999999999999999999", "-1", "\"x\"", "[".repeat(100_000));
                String document = new String(file, UTF_8)
                        .replaceFirst(
                                "\"(registrationId|nextPreKeyId|version|nextKyberPreKeyId)\":[0-9]+",
                                "\"$1\":" + odd.get(random.nextInt(odd.size())).replace("[", "\\["));
                Files.writeString(source.file, document);
                return "file, odd number";
            }
            case 9 -> {
                Path target = random.nextBoolean() ? source.file : source.database;
                Files.delete(target);
                Files.createSymbolicLink(target, random.nextBoolean() ? target : Path.of("/dev/zero"));
                return "link";
            }
            case 10 -> {
                Path target = random.nextBoolean() ? source.file : source.database;
                try (FileChannel channel = FileChannel.open(target, StandardOpenOption.WRITE)) {
                    channel.write(ByteBuffer.allocate(1), Integer.MAX_VALUE);
                }
                return "2 GiB";
            }
            default -> {
                Path odd = source.database.resolveSibling(List.of("account.db-wal", "account.db-journal", "..x", "é")
                        .get(random.nextInt(4)));
                byte[] garbage = new byte[random.nextInt(10_000)];
                random.nextBytes(garbage);
                Files.write(odd, garbage);
                return "database, odd file " + odd.getFileName();
            }
        }
    }
}
