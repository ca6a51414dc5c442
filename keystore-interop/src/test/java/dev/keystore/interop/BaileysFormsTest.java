package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.KeyTypes;
import dev.keystore.TcToken;
import dev.keystore.interop.BaileysFolder.FileName;
import dev.keystore.interop.TransferItem.Fate;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BaileysFormsTest {

    private static final String KEY = "vkc1i2kzsIo2THk0IZspY7lWfZIPFMl4R390eAM4e7M=";

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "session-15550100002.7, session, 15550100002.7",
        "session-915550100002_1.0, session, 915550100002_1.0",
        "sender-key-120363000000000001@g.us--15550100001--7, sender-key, 120363000000000001@g.us::15550100001::7",
        "sender-key-1555-1666@g.us--915550100001_1--0, sender-key, 1555-1666@g.us::915550100001_1::0",
        "sender-key-status@broadcast--15550100001--7, sender-key, status@broadcast::15550100001::7",
        "sender-key-memory-1555-1666@g.us, sender-key-memory, 1555-1666@g.us",
        "app-state-sync-key-AAAA__+8=, app-state-sync-key, AAAA/+8=",
        "app-state-sync-key-____AA, app-state-sync-key, //AA",
        "app-state-sync-version-critical_unblock_low, app-state-sync-version, critical_unblock_low",
        "lid-mapping-915550100002_reverse, lid-mapping, 915550100002_reverse",
        "tctoken-__index, tc-token, __index",
        "tctoken-915550100002@lid, tc-token, 915550100002@lid",
        "tctoken-15550100002-7@s.whatsapp.net, tc-token, 15550100002:7@s.whatsapp.net",
        "tctoken-1555-1666@g.us, tc-token, 1555-1666@g.us",
        "pre-key-17, pre-key, 17",
    })
    @DisplayName("R92 a name of a file is read as the id that Baileys passed to its store, and written back the same")
    void name_isReadAsId(String file, String type, String id) {
        FileName name = FileName.parse(file + ".json");
        assertThat(name.typeName()).isEqualTo(type);
        assertThat(name.id()).isEqualTo(id);
        assertThat(FileName.of(name.type(), name.id())).isEqualTo(file + ".json");
    }

    private Contents read(String file, String json) throws Exception {
        Files.write(folder.resolve(file), json.getBytes(UTF_8));
        return Samples.read(BaileysFolder.at(folder));
    }

    private static TransferItem only(Contents contents) {
        assertThat(contents.items()).hasSize(1);
        return contents.items().get(0);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'type':'Buffer','data':'BQID'}",
                "{'type':'Buffer','data':[5,2,3]}",
                "{'buffer':true,'data':'BQID'}",
                "{'buffer':true,'value':[5,2,3]}",
                "[5,2,3]",
                "{'0':5,'1':2,'2':3}",
            })
    @DisplayName("R92 each form of bytes is read as the same token")
    void buffer_ofEachForm(String form) throws Exception {
        Contents contents = read("tctoken-a@lid.json", ("{'token':" + form + ",'timestamp':17}").replace('\'', '"'));
        assertThat(only(contents).fate()).isEqualTo(Fate.CARRIED);
        assertThat(contents.entry("tc-token", "a@lid").value())
                .isEqualTo(new TcToken(new byte[] {5, 2, 3}, OptionalLong.of(17), OptionalLong.empty()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'type':'Buffer','data':'BQI'}",
                "{'type':'Buffer','data':'BQJ='}",
                "{'type':'Buffer','data':[256]}",
                "{'type':'Buffer','data':[1.5]}",
                "{'type':'Buffer','data':17}",
                "{'type':'Buffer'}",
                "{'type':'Buffer','data':'BQID','more':1}",
                "{'0':5,'2':2}",
                "{'a':5}",
                "17",
                "true",
            })
    @DisplayName("R92 bytes of another form are damage")
    void buffer_ofOtherForm(String form) throws Exception {
        TransferItem item = only(read("tctoken-a@lid.json", ("{'token':" + form + "}").replace('\'', '"')));
        assertThat(item.fate()).isEqualTo(Fate.DAMAGED);
        assertThat(item.type()).isEqualTo("tc-token");
        assertThat(item.id()).isEqualTo("a@lid");
    }

    @Test
    @DisplayName("a token may have a null field of later libraries, and its times may be numbers or texts")
    void tcToken_ofLaterLibrary_isRead() throws Exception {
        TcToken expected = new TcToken(new byte[] {5}, OptionalLong.of(17), OptionalLong.of(18));
        assertThat(tcToken("{'token':[5],'timestamp':'17','senderTimestamp':18,'realIssueTimestamp':null}"))
                .isEqualTo(expected);
        assertThat(tcToken("{'token':[5],'timestamp':17,'senderTimestamp':'18'}"))
                .isEqualTo(expected);
        assertThatExceptionOfType(DamagedException.class)
                .isThrownBy(() -> tcToken("{'token':[5],'timestamp':'17','realIssueTimestamp':1}"));
    }

    private static TcToken tcToken(String json) throws DamagedException {
        return BaileysValues.tcToken(Samples.tree(json.replace('\'', '"').getBytes(UTF_8)));
    }

    @Test
    @DisplayName("the sentinel of the tokens is one of them, without times")
    void sentinel_isAToken() throws Exception {
        Contents contents = read("tctoken-__index.json", "{\"token\":{\"type\":\"Buffer\",\"data\":\"W10=\"}}");
        assertThat(contents.entry("tc-token", "__index").value())
                .isEqualTo(new TcToken("[]".getBytes(UTF_8), OptionalLong.empty(), OptionalLong.empty()));
    }

    @Test
    @DisplayName("a key of the app state is kept as the protobuf message, from each form of its time and its bytes")
    void syncKey_isTheMessage() throws Exception {
        String standard = "{\"keyData\":\"" + KEY + "\",\"fingerprint\":{\"rawId\":4294967295,\"currentIndex\":3,"
                + "\"deviceIndexes\":[0,300]},\"timestamp\":\"1763900000123\"}";
        byte[] expected = HexFormat.of()
                .parseHex("0a20" + HexFormat.of().formatHex(Base64.getDecoder().decode(KEY)) + "120d08ffffffff0f1003"
                        + "1a0300ac02" + "18fb8e8885ab33");
        for (String form : new String[] {
            standard,
            standard.replace("\"1763900000123\"", "1763900000123"),
            standard.replace("\"1763900000123\"", "{\"low\":-1331558533,\"high\":410,\"unsigned\":false}"),
            standard.replace("\"" + KEY + "\"", "{\"type\":\"Buffer\",\"data\":\"" + KEY + "\"}"),
        }) {
            Contents contents = read("app-state-sync-key-AAAA.json", form);
            assertThat(only(contents).fate()).as("%s", only(contents)).isEqualTo(Fate.CARRIED);
            byte[] message = contents.entry("app-state-sync-key", "AAAA").encoded();
            assertThat(HexFormat.of().formatHex(message))
                    .isEqualTo(HexFormat.of().formatHex(expected));
            assertThat(Samples.tree(StrictJson.write(SyncKey.toJson(message))))
                    .isEqualTo(Samples.tree(standard.getBytes(UTF_8)));
        }
    }

    @Test
    @DisplayName("a sender key that is an array, as up to 6.7.18, is kept and written back as an array")
    void senderKey_ofAnArray() throws Exception {
        String seed = "{\"type\":\"Buffer\",\"data\":\"" + KEY + "\"}";
        String array = "[{\"senderKeyId\":7,\"senderChainKey\":{\"iteration\":1,\"seed\":" + seed
                + "},\"senderSigningKey\":{\"public\":" + seed + "},\"senderMessageKeys\":[{\"iteration\":0,\"seed\":"
                + seed + "}]}]";
        Contents contents = read("sender-key-g@g.us--1--0.json", array);
        assertThat(only(contents).fate()).as("%s", only(contents)).isEqualTo(Fate.CARRIED);
        byte[] kept = contents.entry("sender-key", "g@g.us::1::0").encoded();
        assertThat(Samples.tree(BaileysSenderKey.write(kept))).isEqualTo(Samples.tree(array.getBytes(UTF_8)));
    }

    @Test
    @DisplayName("R92 a record of libsignal that is a Buffer is kept as its bytes, and written back; a cut one is not")
    void record_ofBytes() throws Exception {
        Path data = Samples.copy("7.0.0-rc14/bot-a", folder.resolve("data"));
        Account account = Account.of(data);
        byte[] session = account.convert(account.session("15550100002"), SessionFormat.LIBSIGNAL);
        byte[] senderKey = account.convertSenderKey(account.senderKey("15550100001"), SessionFormat.LIBSIGNAL);
        Path records = Files.createDirectory(folder.resolve("records"));
        Map<String, byte[]> files = Map.of(
                "session-1.0.json",
                session,
                "session-2.0.json",
                Arrays.copyOf(session, session.length - 1),
                "session-3.0.json",
                new byte[] {10, 2, 3},
                "sender-key-g@g.us--1--0.json",
                senderKey,
                "sender-key-g@g.us--2--0.json",
                Arrays.copyOf(senderKey, 20));
        for (Map.Entry<String, byte[]> each : files.entrySet()) {
            Files.write(records.resolve(each.getKey()), StrictJson.write(Buffers.write(each.getValue())));
        }

        Contents contents = Samples.read(BaileysFolder.at(records));

        assertThat(contents.entries()).extracting(Contents.Found::id).containsExactly("g@g.us::1::0", "1.0");
        assertThat(contents.entry("session", "1.0").encoded()).isEqualTo(session);
        assertThat(contents.entry("sender-key", "g@g.us::1::0").encoded()).isEqualTo(senderKey);
        assertThat(BaileysSession.write(session)).isEqualTo(Files.readAllBytes(records.resolve("session-1.0.json")));
        assertThat(contents.items().stream().filter(item -> item.fate() == Fate.DAMAGED))
                .hasSize(3);
    }

    @Test
    @DisplayName("R92 a peer's registration id may have 32 bits, as whatsmeow's have, in each form of a session")
    void registrationId_has32Bits() throws Exception {
        Account account = Account.of(Samples.copy("7.0.0-rc14/bot-a", folder.resolve("data")));
        JsonNode go = Samples.tree(Samples.goSession());
        ((ObjectNode) go.get("SessionState")).put("RemoteRegistrationID", 4_000_000_000L);
        byte[] record = StrictJson.write(go);

        byte[] baileys = account.convert(record, SessionFormat.BAILEYS, "of which the seed is not known");
        JsonNode ex = Samples.tree(Samples.exSession());
        ex.get("sessions").forEach(session -> ((ObjectNode) session).put("registration_id", 4_000_000_000L));

        assertThat(new String(baileys, UTF_8)).contains("\"registrationId\":4000000000");
        assertThat(BaileysSession.read(StrictJson.read(baileys), baileys)).isEqualTo(baileys);
        assertThat(BaileysExSession.read(StrictJson.write(ex)).toString()).contains("4000000000");
    }

    @Test
    @DisplayName("R92 every file is named once, backups of backups included")
    void backups_areNamed() throws Exception {
        List<String> names = List.of(
                "lid-mapping-1.json",
                "lid-mapping-1.json.bak",
                "lid-mapping-1.json.bak.bak",
                "lid-mapping-1.json.bak.bak.bak",
                "lid-mapping-2.json.bak",
                "lid-mapping-3.json.bak.bak",
                "other.bak");
        for (String name : names) {
            Files.writeString(folder.resolve(name), "\"1\"");
        }

        Contents contents = Samples.read(BaileysFolder.at(folder));

        assertThat(contents.items()).extracting(TransferItem::name).containsExactlyElementsOf(names);
        assertThat(contents.ids(KeyTypes.LID_MAPPING)).containsExactly("1", "2");
    }

    @Test
    @DisplayName("records of baileys_ex, whose counters differ by one, are not taken for those of Baileys")
    void otherFamily_isRefused() throws Exception {
        assertThat(only(read("session-1.0.json", "{\"sessions\":{}}")).reason()).contains("baileys_ex");
        Files.delete(folder.resolve("session-1.0.json"));
        assertThat(only(read("sender-key-g@g.us--1--0.json", "{\"sender_key_states\":[]}"))
                        .reason())
                .contains("baileys_ex");
    }

    @Test
    @DisplayName(
            "a pair whose public key does not belong to the private one, and a field that would be lost, are damage")
    void pair_isChecked() throws Exception {
        String good = Files.readString(Path.of("src/test/resources/baileys/7.0.0-rc14/bot-a/pre-key-3.json"));
        assertThat(only(read("pre-key-3.json", good)).fate()).isEqualTo(Fate.CARRIED);
        int at = good.indexOf("\"data\":\"") + 12;
        char other = good.charAt(at) == 'A' ? 'B' : 'A';
        String flipped = good.substring(0, at) + other + good.substring(at + 1);
        assertThat(only(read("pre-key-3.json", flipped)).reason()).contains("does not belong to the private one");
        String more = good.substring(0, good.length() - 1) + ",\"created\":1}";
        assertThat(only(read("pre-key-3.json", more)).reason()).contains("1 fields that are not known");
    }
}
