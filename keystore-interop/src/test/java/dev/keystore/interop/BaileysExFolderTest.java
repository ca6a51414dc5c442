package dev.keystore.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.AppStateSyncVersion;
import dev.keystore.KeyPair;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.TcToken;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.interop.TransferItem.Fate;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.signal.libsignal.protocol.groups.state.SenderKeyRecord;

/** Imports folders of baileys_ex in both of its forms, written from their published description. */
@Timeout(600)
class BaileysExFolderTest {

    private static final String SESSION = "15550100002_1.7";

    @TempDir
    Path temporary;

    private final BaileysExFixture source = new BaileysExFixture();

    private static List<TransferItem> items(Contents contents, Fate fate) {
        return contents.items().stream().filter(item -> item.fate() == fate).toList();
    }

    private static TransferItem item(Contents contents, String name) {
        return contents.items().stream()
                .filter(item -> item.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    @DisplayName("R91 R92 both forms are imported with the same entries, and not changed")
    void bothForms_areImported() throws Exception {
        Path terms = source.writeNative(temporary.resolve("native"), true);
        Path json = source.writeJson(temporary.resolve("json"));
        Map<String, byte[]> before = Samples.files(terms);
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore fromTerms = database.forContext("terms");
            SignalKeyStore fromJson = database.forContext("json");
            TransferReport report =
                    AccountImport.from(BaileysExFolder.at(terms)).to(fromTerms);
            assertThat(report.isComplete()).as("%s", report.items()).isTrue();
            assertThat(report.items()).hasSize(before.size());
            TransferReport reportOfJson =
                    AccountImport.from(BaileysExFolder.at(json)).to(fromJson);
            assertThat(reportOfJson.isComplete()).as("%s", reportOfJson.items()).isTrue();
            Map<String, EntryDigest> digests = new HashMap<>(report.types());
            Map<String, EntryDigest> digestsOfJson = new HashMap<>(reportOfJson.types());
            for (String kept : List.of("credentials", "session", "sender-key")) {
                digests.remove(kept);
                digestsOfJson.remove(kept);
            }
            assertThat(digests).isEqualTo(digestsOfJson);
            checkKept(fromTerms, terms, ".etf");
            checkKept(fromJson, json, ".json");
            assertThat(OwnIdentity.of(fromTerms.credentials().orElseThrow()))
                    .usingRecursiveComparison()
                    .isEqualTo(OwnIdentity.of(fromJson.credentials().orElseThrow()));
            byte[] record = fromTerms.find(KeyTypes.SESSION, SESSION).orElseThrow();
            assertThat(BaileysExSession.read(record))
                    .as("converted alike")
                    .isEqualTo(BaileysExSession.read(
                            fromJson.find(KeyTypes.SESSION, SESSION).orElseThrow()));
            byte[] senderKey =
                    fromTerms.find(KeyTypes.SENDER_KEY, BaileysExFixture.SENDER).orElseThrow();
            assertThat(BaileysExSenderKey.read(senderKey))
                    .isEqualTo(BaileysExSenderKey.read(fromJson.find(KeyTypes.SENDER_KEY, BaileysExFixture.SENDER)
                            .orElseThrow()));

            assertThat(fromTerms.find(KeyTypes.PRE_KEY, "17"))
                    .hasValue(
                            new KeyPair(Curve.publicOf(BaileysExFixture.bytes(32, 5)), BaileysExFixture.bytes(32, 5)));
            assertThat(fromTerms.find(KeyTypes.IDENTITY_KEY, "15550100002.7").orElseThrow())
                    .isEqualTo(BaileysExFixture.typed(6));
            assertThat(fromTerms.find(KeyTypes.LID_MAPPING, "915550100002_reverse"))
                    .hasValue("15550100002");
            assertThat(fromTerms.find(KeyTypes.DEVICE_LIST, "15550100002")).hasValue(List.of("0", "7"));
            assertThat(fromTerms.find(KeyTypes.SENDER_KEY_MEMORY, "120363-17@g.us"))
                    .hasValue(Map.of("15550100002:7@s.whatsapp.net", true));
            assertThat(fromTerms.find(KeyTypes.TC_TOKEN, "9@lid"))
                    .hasValue(new TcToken(
                            BaileysExFixture.bytes(8, 200), OptionalLong.of(1_763_900_000), OptionalLong.empty()));
            assertThat(SyncKey.toJson(fromTerms
                                    .find(KeyTypes.APP_STATE_SYNC_KEY, BaileysExFixture.SYNC_KEY)
                                    .orElseThrow())
                            .get("keyData")
                            .textValue())
                    .isEqualTo(Buffers.base64(BaileysExFixture.bytes(32, 7)));
            assertThat(fromTerms
                            .find(KeyTypes.APP_STATE_SYNC_VERSION, "regular")
                            .orElseThrow()
                            .valueMacs())
                    .hasSize(1);
            JsonNode session =
                    BaileysExSession.read(record).at("/sessions").get(Buffers.base64(BaileysExFixture.typed(47)));
            JsonNode chain = session.get("chains").get(Buffers.base64(BaileysExFixture.typed(43)));
            assertThat(chain.at("/chain_key/counter").intValue()).isEqualTo(2);
            assertThat(chain.get("chain_type").textValue()).isEqualTo("sending");
            assertThat(session.get("chains")
                            .get(Buffers.base64(BaileysExFixture.typed(44)))
                            .at("/message_keys/3/data")
                            .textValue())
                    .isEqualTo(Buffers.base64(BaileysExFixture.bytes(32, 41)));
            assertThat(BaileysExSenderKey.read(senderKey)
                            .at("/sender_key_states/0/sender_key_id")
                            .longValue())
                    .isEqualTo(4_000_000_000L);
        }
        Map<String, byte[]> after = Samples.files(terms);
        assertThat(after.keySet()).isEqualTo(before.keySet());
        after.forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(before.get(name)));
    }

    private static void checkKept(SignalKeyStore store, Path folder, String extension) throws IOException {
        assertThat(store.credentials().orElseThrow())
                .isEqualTo(Files.readAllBytes(folder.resolve("creds" + extension)));
        assertThat(store.find(KeyTypes.SESSION, SESSION).orElseThrow())
                .isEqualTo(Files.readAllBytes(folder.resolve("session-" + SESSION + extension)));
        String name = BaileysIds.write("sender-key-" + BaileysExFixture.SENDER) + extension;
        assertThat(store.find(KeyTypes.SENDER_KEY, BaileysExFixture.SENDER).orElseThrow())
                .isEqualTo(Files.readAllBytes(folder.resolve(name)));
    }

    @Test
    @DisplayName("R92 fields of sessions, sender keys and credentials that are not known are kept, and not converted")
    void unknownFields_areKept() throws Exception {
        source.addUnknownFields();
        for (Path folder : List.of(
                source.writeNative(temporary.resolve("native"), true), source.writeJson(temporary.resolve("json")))) {
            String extension = folder.endsWith("native") ? ".etf" : ".json";
            try (SignalKeyDatabase database = Samples.database(temporary)) {
                SignalKeyStore alice = database.forContext("alice" + extension);
                AccountImport from = AccountImport.from(BaileysExFolder.at(folder));
                TransferReport report = from.to(alice);
                assertThat(report.isComplete()).as("%s", report.items()).isTrue();
                checkKept(alice, folder, extension);
                Path lines = temporary.resolve("alice" + extension + "l");
                AccountExport.from(alice).to(JsonLinesFile.at(lines));
                SignalKeyStore again = database.forContext("again" + extension);
                AccountImport.from(JsonLinesFile.at(lines)).to(again);
                checkKept(again, folder, extension);
                TransferReport toBaileys =
                        AccountExport.from(alice).dryRun(BaileysFolder.at(temporary.resolve("baileys")));
                assertThat(toBaileys.items(Fate.NOT_CARRIED))
                        .extracting(TransferItem::type)
                        .containsExactlyInAnyOrder("credentials", "session", "sender-key");
                TransferReport converted = from.convertingSessionsTo(SessionFormat.LIBSIGNAL)
                        .dryRun(database.forContext("converted" + extension));
                assertThat(converted.items(Fate.NOT_CARRIED))
                        .extracting(TransferItem::reason)
                        .hasSize(2)
                        .anyMatch(reason -> reason.contains("it has 13 fields that are not known"))
                        .anyMatch(reason -> reason.contains("it has 8 fields that are not known"));
            }
        }
    }

    @Test
    @DisplayName("a folder is imported with its sessions converted, and libsignal-client continues with them")
    void folder_isImportedConverted() throws Exception {
        JsonNode credentials = Samples.credentials("7.0.0-rc14/bot-a");
        Path folder = source.writeJson(temporary.resolve("json"));
        ObjectNode own = (ObjectNode) Samples.tree(Files.readAllBytes(folder.resolve("creds.json")));
        own.set("signed_identity_key", credentials.get("signedIdentityKey"));
        own.set("registration_id", credentials.get("registrationId"));
        Files.write(folder.resolve("creds.json"), StrictJson.write(own));
        Files.write(folder.resolve("session-15550100002.7.json"), Samples.exSession());
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");

            TransferReport report = AccountImport.from(BaileysExFolder.at(folder))
                    .convertingSessionsTo(SessionFormat.LIBSIGNAL)
                    .to(alice);

            assertThat(report.items(Fate.CONVERTED))
                    .extracting(TransferItem::id)
                    .containsExactlyInAnyOrder("15550100002.7", BaileysExFixture.SENDER);
            assertThat(report.items(Fate.NOT_CARRIED))
                    .extracting(TransferItem::id)
                    .as("the session of another identity")
                    .containsExactly("15550100002_1.7");
            Party party = new Party(
                    credentials,
                    "15550100002",
                    alice.find(KeyTypes.SESSION, "15550100002.7").orElseThrow());
            for (var message : Samples.recordedMessages().properties()) {
                assertThat(party.decrypt(Buffers.base64(message.getValue().textValue())))
                        .isEqualTo(message.getKey());
            }
            byte[] senderKey =
                    alice.find(KeyTypes.SENDER_KEY, BaileysExFixture.SENDER).orElseThrow();
            assertThat(new SenderKeyRecord(senderKey).serialize()).isNotEmpty();
            assertThat(SenderKeyForms.readLibsignal(senderKey).newestFirst())
                    .extracting(SenderKeyState::keyId)
                    .as("the newest is the last one of baileys_ex")
                    .containsExactly(7L, 4_000_000_000L);
        }
    }

    @Test
    @DisplayName("R92 ids are exactly those of the manifest; without it, those that the names say")
    void ids_areExact() throws Exception {
        source.put("lid-mapping", "odd:id/with__all", "1");
        Path listed = source.writeNative(temporary.resolve("listed"), true);
        assertThat(Samples.read(BaileysExFolder.at(listed)).ids(KeyTypes.LID_MAPPING))
                .contains("odd:id/with__all");
        Path unlisted = source.writeNative(temporary.resolve("unlisted"), false);
        Contents contents = Samples.read(BaileysExFolder.at(unlisted));
        assertThat(contents.ids(KeyTypes.SENDER_KEY)).containsExactly(BaileysExFixture.SENDER);
        assertThat(contents.ids(KeyTypes.APP_STATE_SYNC_KEY)).contains(BaileysExFixture.SYNC_KEY);
        assertThat(item(contents, "pre-key-17.etf").reason()).contains("its name says");
    }

    @Test
    @DisplayName("R92 other files, missing ones and ambiguous ones are named; a newer version is refused")
    void oddFiles_areNamed() throws Exception {
        source.put("lid-mapping", "a:b", "1");
        source.put("lid-mapping", "a-b", "2");
        source.put("pre-key", "99", Map.of());
        Path folder = source.writeNative(temporary.resolve("odd"), true);
        Files.delete(folder.resolve("pre-key-99.etf"));
        Files.writeString(folder.resolve("session-1.1.etf.tmp-17"), "x");
        Files.writeString(folder.resolve("creds.json"), "{}");
        Files.writeString(folder.resolve("pre-key-3.etf"), "");
        Files.createSymbolicLink(folder.resolve("pre-key-4.etf"), Path.of("/dev/zero"));
        Files.createDirectory(folder.resolve("pre-key-5.etf"));
        Contents contents = Samples.read(BaileysExFolder.at(folder));
        assertThat(items(contents, Fate.DAMAGED))
                .extracting(TransferItem::name)
                .containsExactlyInAnyOrder("lid-mapping-a-b.etf", "pre-key-99.etf", "pre-key-3.etf");
        assertThat(items(contents, Fate.UNKNOWN))
                .extracting(TransferItem::name)
                .containsExactlyInAnyOrder("creds.json", "pre-key-4.etf", "pre-key-5.etf");
        assertThat(items(contents, Fate.NOT_NEEDED))
                .extracting(TransferItem::name)
                .containsExactlyInAnyOrder(BaileysExFixture.NATIVE_MANIFEST, "session-1.1.etf.tmp-17");

        Files.write(
                folder.resolve(BaileysExFixture.NATIVE_MANIFEST),
                ErlangTerms.encode(source.manifest("native_file_persistence", 2)));
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> Samples.read(BaileysExFolder.at(folder)))
                .withMessageContaining("it is of version 2; known is 1");
        Files.write(folder.resolve(BaileysExFixture.NATIVE_MANIFEST), new byte[] {(byte) 131});
        contents = Samples.read(BaileysExFolder.at(folder));
        assertThat(item(contents, BaileysExFixture.NATIVE_MANIFEST).fate()).isEqualTo(Fate.DAMAGED);
        assertThat(contents.ids(KeyTypes.SENDER_KEY)).containsExactly(BaileysExFixture.SENDER);
    }

    @Test
    @DisplayName("R92 sessions of Baileys and the first form of JSON are not taken for those of this form")
    void otherForms_areRefused() throws Exception {
        Path folder = source.writeJson(temporary.resolve("other"));
        Files.writeString(folder.resolve("session-15550100002_1.7.json"), "{\"_sessions\":{},\"version\":\"v1\"}");
        Files.writeString(
                folder.resolve("pre-key-17.json"), "{\"__atom_keys__\":[\"public\"],\"public\":1,\"private\":2}");
        Files.writeString(folder.resolve("creds.json"), "{\"__type__\":\"struct\",\"module\":\"A\",\"value\":{}}");
        Contents contents = Samples.read(BaileysExFolder.at(folder));
        assertThat(item(contents, "session-15550100002_1.7.json").reason()).contains("a session of Baileys");
        assertThat(item(contents, "pre-key-17.json").reason()).contains("the first form of JSON");
        assertThat(item(contents, "creds.json").reason()).contains("the first form of JSON");
        assertThat(items(contents, Fate.DAMAGED)).hasSize(3);
    }

    @Test
    @DisplayName("R92 a folder that is written while it is read is refused")
    void changingFolder_isRefused() throws Exception {
        Path folder = source.writeNative(temporary.resolve("changing"), true);
        ForeignStore.Read read =
                BaileysExFolder.at(folder).read(new ForeignStore.Reading(false, List.of(), progress -> {}));
        read.unchanged().run();
        Files.write(folder.resolve("pre-key-18.etf"), new byte[1]);
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> read.unchanged().run())
                .withMessageContaining("it was changed while it was read");
    }

    @Test
    @DisplayName("R92 damaged folders of both forms: everything else is imported, and what is damaged is named")
    void damaged_sample() throws Exception {
        damage(1, 40);
    }

    @Tag("long")
    @Test
    @DisplayName("R92 500 damaged folders of each form")
    void damaged_whole() throws Exception {
        damage(10_001, 1_000);
    }

    private void damage(long first, int count) throws Exception {
        long from = Long.getLong("keystore.damage.first", first);
        int damages = Integer.getInteger("keystore.damage.count", count);
        Map<Fate, Integer> fates = new HashMap<>();
        for (long seed = from; seed < from + damages; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            boolean isNative = seed % 2 == 0;
            Path folder = temporary.resolve("seed-" + seed);
            Path written = isNative ? source.writeNative(folder, true) : source.writeJson(folder);
            Contents original = Samples.read(BaileysExFolder.at(written));
            String what = "seed " + seed + ": " + damageOne(folder, random);
            long before = Samples.allocated();
            Contents contents;
            try {
                contents = Samples.read(BaileysExFolder.at(folder));
            } catch (ForeignStoreException e) {
                assertThat(what).contains("manifest");
                assertThat(e).hasMessageContaining("it is of version");
                continue;
            }
            assertThat(Samples.allocated() - before).as(what).isLessThan(Samples.ALLOCATED_AT_MOST);
            for (String name : folder.toFile().list()) {
                assertThat(contents.items())
                        .as(what)
                        .filteredOn(item -> item.name().equals(name))
                        .hasSize(1);
            }
            for (TransferItem item : items(contents, Fate.CARRIED)) {
                byte[] file = Files.readAllBytes(folder.resolve(item.name()));
                checkSame(what + ": " + item, file, contents, item);
            }
            for (TransferItem item : original.items()) {
                Contents.Found<?> found = original.entry(item.type(), item.id());
                if (found != null && !what.contains("<" + item.name() + ">")) {
                    assertThat(contents.entry(item.type(), item.id()))
                            .as("%s: %s was not damaged", what, item)
                            .isNotNull();
                    assertThat(contents.entry(item.type(), item.id()).encoded())
                            .as("%s: %s was not damaged", what, item)
                            .isEqualTo(found.encoded());
                }
            }
            contents.items().forEach(item -> fates.merge(item.fate(), 1, Integer::sum));
        }
        System.out.println(
                "baileys_ex folders, seeds " + from + " to " + (from + damages - 1) + ": files by fate " + fates);
        assertThat(fates).containsKeys(Fate.CARRIED);
        assertThat(damages == 1 || fates.containsKey(Fate.DAMAGED)).isTrue();
    }

    /** Checks that what was carried of a file is what the file says. */
    private static void checkSame(String what, byte[] file, Contents contents, TransferItem item) throws Exception {
        if (item.type().equals(Contents.CREDENTIALS)) {
            assertThat(contents.credentials()).as(what).isEqualTo(file);
            return;
        }
        Object found = contents.entry(item.type(), item.id()).value();
        JsonNode tree = item.name().endsWith(".etf") ? ErlangTerm.decode(file) : Samples.tree(file);
        Object said = switch (item.type()) {
            case "session", "sender-key" -> file;
            case "pre-key" -> new KeyPair(Buffers.read(tree.get("public")), Buffers.read(tree.get("private")));
            case "identity-key" -> Buffers.read(tree);
            case "lid-mapping" -> text(tree);
            case "device-list" -> {
                List<String> devices = new ArrayList<>();
                tree.forEach(device -> devices.add(text(device)));
                yield devices;
            }
            case "sender-key-memory" -> {
                Map<String, Boolean> memory = new HashMap<>();
                tree.properties()
                        .forEach(each ->
                                memory.put(each.getKey(), each.getValue().booleanValue()));
                yield memory;
            }
            case "tc-token" -> {
                JsonNode token = tree.get("token");
                byte[] bytes =
                        token.isTextual() ? token.textValue().getBytes(StandardCharsets.UTF_8) : Buffers.read(token);
                yield new TcToken(bytes, time(tree.path("timestamp")), time(tree.path("sender_timestamp")));
            }
            case "app-state-sync-key" -> {
                ByteArrayOutputStream message = new ByteArrayOutputStream();
                Protobuf.bytes(message, 1, Buffers.read(tree.has("key_data") ? tree.get("key_data") : tree));
                yield message.toByteArray();
            }
            default -> {
                Map<String, byte[]> macs = new HashMap<>();
                for (var index : tree.get("index_value_map").properties()) {
                    macs.put(index.getKey(), Buffers.read(index.getValue().get("value_mac")));
                }
                yield new AppStateSyncVersion(tree.get("version").asLong(), Buffers.read(tree.get("hash")), macs);
            }
        };
        assertThat(found).as(what).isEqualTo(said);
    }

    private static String text(JsonNode node) {
        return node instanceof BinaryNode binary
                ? new String(binary.binaryValue(), StandardCharsets.UTF_8)
                : node.textValue();
    }

    private static OptionalLong time(JsonNode node) {
        if (node.isMissingNode() || node.isNull()) {
            return OptionalLong.empty();
        }
        return OptionalLong.of(node.isIntegralNumber() ? node.longValue() : Long.parseLong(text(node)));
    }

    /** Damages one file, and returns how, with its name in angle brackets. */
    private static String damageOne(Path folder, SplittableRandom random) throws IOException {
        String[] names = folder.toFile().list();
        Arrays.sort(names);
        Path file = folder.resolve(names[random.nextInt(names.length)]);
        String target = "<" + file.getFileName() + ">" + (file.toString().contains("persistence") ? " manifest" : "");
        byte[] bytes = Files.readAllBytes(file);
        boolean isJson = file.toString().endsWith(".json");
        switch (random.nextInt(isJson ? 11 : 9)) {
            case 0 -> Files.write(file, Arrays.copyOf(bytes, random.nextInt(bytes.length)));
            case 1, 2, 3 -> {
                for (int i = random.nextInt(1, 9); i > 0; i--) {
                    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(Byte.SIZE));
                }
                Files.write(file, bytes);
            }
            case 4 -> { // another tag, or another character, with a length that claims up to 2 GiB
                int at = random.nextInt(bytes.length);
                byte[] tags = {97, 98, 104, 106, 107, 108, 109, 110, 116, 119, 70, 111, '[', '{', '9', '"'};
                bytes[at] = tags[random.nextInt(tags.length)];
                if (at + 5 < bytes.length && random.nextBoolean()) {
                    ByteBuffer.wrap(bytes).putInt(at + 1, Integer.MAX_VALUE - random.nextInt(2));
                }
                Files.write(file, bytes);
            }
            case 5 -> { // deep nesting
                ByteBuffer deep = ByteBuffer.allocate(500_000).put((byte) 131);
                while (deep.remaining() > 5) {
                    deep.put((byte) 108).putInt(1);
                }
                Files.write(
                        file,
                        file.toString().endsWith(".etf")
                                ? deep.array()
                                : "[".repeat(100_000).getBytes(StandardCharsets.UTF_8));
            }
            case 6 -> {
                Files.delete(file);
                Files.createSymbolicLink(file, random.nextBoolean() ? file : Path.of("/dev/zero"));
            }
            case 7 -> {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.write(ByteBuffer.allocate(1), Integer.MAX_VALUE);
                }
            }
            case 8 -> {
                Path odd =
                        folder.resolve(List.of("session-..etf", "..etf", "pre-key-__..__..__etc__passwd.etf", "-.json")
                                .get(random.nextInt(4)));
                Files.write(odd, bytes);
                return "name <" + odd.getFileName() + "> manifest";
            }
            case 9 -> {
                List<String> others = DamagedBaileysFolderTest.OTHER_VALUES;
                String other = others.get(random.nextInt(others.size()));
                DamagedBaileysFolderTest.replace(file, bytes, DamagedBaileysFolderTest.VALUE, other, random);
                return "type " + other + target;
            }
            default -> {
                List<String> huge = DamagedBaileysFolderTest.HUGE;
                String number = huge.get(random.nextInt(huge.size()));
                DamagedBaileysFolderTest.replace(file, bytes, DamagedBaileysFolderTest.NUMBER, number, random);
                return "huge number" + target;
            }
        }
        return target;
    }
}
