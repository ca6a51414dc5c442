package dev.keystore.interop;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.keystore.KeyTypes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** One side: its credentials, and a conversion of records that use them. */
record Account(Contents contents, JsonNode credentials) {

    /** A time, in milliseconds, in place of the current one. */
    static final long NOW = 1_795_900_000_000L;

    static Account of(Path folder) throws IOException {
        Contents contents = Samples.read(BaileysFolder.at(folder));
        return new Account(contents, Samples.tree(contents.credentials()));
    }

    byte[] session(String peer) {
        return contents.entry("session", peer + ".7").encoded();
    }

    byte[] senderKey(String sender) {
        return contents.entry("sender-key", "120363000000000001@g.us::" + sender + "::7")
                .encoded();
    }

    byte[] identity() throws DamagedException {
        return Curve.withType(Buffers.read(credentials.get("signedIdentityKey").get("public")));
    }

    /** Converts a session; everything must be converted, unless it is said what is lost. */
    byte[] convert(byte[] session, SessionFormat format, String... lost) throws DamagedException {
        Contents one = new Contents();
        one.add("one", KeyTypes.SESSION, "one", session, "");
        return convert(one, format, "session", lost);
    }

    byte[] convertSenderKey(byte[] senderKey, SessionFormat format, String... lost) throws DamagedException {
        Contents one = new Contents();
        one.add("one", KeyTypes.SENDER_KEY, "one", senderKey, "");
        return convert(one, format, "sender-key", lost);
    }

    private byte[] convert(Contents one, SessionFormat format, String type, String... lost) throws DamagedException {
        one.addCredentials("creds", StrictJson.write(credentials), "");
        SessionConversion conversion = SessionConversion.of(one, format, NOW);
        List<TransferItem> left = conversion.items(one.items()).stream()
                .filter(item ->
                        item.fate() != TransferItem.Fate.CONVERTED && !item.id().isEmpty())
                .toList();
        if (lost.length == 0) {
            assertThat(left).isEmpty();
        } else {
            assertThat(left).hasSize(lost.length);
            for (int i = 0; i < lost.length; i++) {
                assertThat(left.get(i).reason()).contains(lost[i]);
                assertThat(left.get(i).fate()).isEqualTo(TransferItem.Fate.NOT_CARRIED);
            }
        }
        Contents.Found<?> found = conversion.contents().entry(type, "one");
        return found == null ? new byte[0] : found.encoded();
    }

    Party party(String peer, byte[] session) throws Exception {
        return new Party(credentials, peer, session);
    }
}
