package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Decodes terms, given as the bytes that the documentation of the format describes. */
class ErlangTermTest {

    private static JsonNode decode(String hex) throws DamagedException {
        return ErlangTerm.decode(HexFormat.of().parseHex(hex.replace(" ", "")));
    }

    @Test
    @DisplayName("R92 terms of each kind that the library stores are decoded")
    void terms_areDecoded() throws Exception {
        assertThat(decode("83 61 ff").intValue()).isEqualTo(255);
        assertThat(decode("83 62 ffffffff").intValue()).isEqualTo(-1);
        assertThat(decode("83 6e 06 00 000000000001").longValue()).isEqualTo(1L << 40);
        assertThat(decode("83 6e 01 01 05").longValue()).isEqualTo(-5);
        assertThat(decode("83 46 3ff8000000000000").doubleValue()).isEqualTo(1.5);
        for (String atom : List.of("77 03 6e696c", "73 03 6e696c", "64 0003 6e696c", "76 0003 6e696c")) {
            assertThat(decode("83" + atom).isNull()).as(atom).isTrue();
        }
        assertThat(decode("83 77 04 74727565").booleanValue()).isTrue();
        assertThat(decode("83 77 05 66616c7365").isBoolean()).isTrue();
        assertThat(decode("83 77 07 73656e64696e67").textValue()).isEqualTo("sending");
        assertThat(decode("83 6d 00000002 c3a9").binaryValue()).isEqualTo("\u00e9".getBytes(UTF_8));
        assertThat(decode("83 6a")).isEmpty();
        assertThat(decode("83 6b 0003 010203").toString()).isEqualTo("[1,2,3]");
        assertThat(decode("83 6c 00000002 6101 6102 6a").toString()).isEqualTo("[1,2]");
        assertThat(decode("83 68 02 6101 6102").toString()).isEqualTo("{\"__type__\":\"tuple\",\"items\":[1,2]}");
        assertThat(decode("83 74 00000003 77 01 61 6101  6103 6102  6d 00000002 05ff 6103")
                        .toString())
                .isEqualTo("{\"a\":1,\"3\":2,\"Bf8=\":3}");
        assertThat(decode("83 74 00000001 77 0a 5f5f7374727563745f5f 77 01 41")).isEmpty();
    }

    @Test
    @DisplayName("R92 terms that are cut, claim too much, are nested too deep or of other kinds are refused")
    void otherTerms_areRefused() {
        for (String hex : List.of(
                "",
                "83",
                "82 61 01",
                "83 61",
                "83 61 01 00",
                "83 62 ffff",
                "83 6d 7fffffff 00",
                "83 6d ffffffff 00",
                "83 6c 7fffffff 6a",
                "83 6c 00000001 6101 6101",
                "83 74 7fffffff 6101 6101",
                "83 74 00000002 6101 6101 6101 6102",
                "83 74 00000001 6a 6101",
                "83 6b ffff 00",
                "83 6e ff 00 01",
                "83 77 02 c328",
                "83 77 ff 61",
                "83 50 7fffffff 789c",
                "83 6f 7fffffff 00",
                "83 69 7fffffff 00",
                "83 71 77 01 61")) {
            assertThatExceptionOfType(DamagedException.class).as(hex).isThrownBy(() -> decode(hex));
        }
        byte[] deep = new byte[600_001];
        Arrays.fill(deep, (byte) 0);
        deep[0] = (byte) 131;
        ByteBuffer lists = ByteBuffer.wrap(deep, 1, 600_000);
        while (lists.remaining() >= 5) {
            lists.put((byte) 108).putInt(1);
        }
        assertThatExceptionOfType(DamagedException.class)
                .isThrownBy(() -> ErlangTerm.decode(deep))
                .withMessageContaining("nested more than 64");
        byte[] many = new byte[2_000_006];
        Arrays.fill(many, (byte) 106);
        ByteBuffer.wrap(many).put((byte) 131).put((byte) 108).putInt(2_000_000 - 1);
        assertThatExceptionOfType(DamagedException.class)
                .isThrownBy(() -> ErlangTerm.decode(many))
                .withMessageContaining("more than 1000000 parts");
    }
}
