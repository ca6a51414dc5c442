package dev.keystore.interop;

import java.util.Map;

/** What follows from an entry that could not be carried, by type. */
final class Losses {

    private static final Map<String, String> BY_TYPE = Map.ofEntries(
            Map.entry("credentials", "the account cannot log in without them, so link the device again"),
            Map.entry("session", "messages of this device cannot be decrypted until it starts a new session"),
            Map.entry("pre-key", "a first message that uses it cannot be decrypted, and its sender must send it again"),
            Map.entry("signed-pre-key", "first messages that use it cannot be decrypted; upload a new one"),
            Map.entry("kyber-pre-key", "first messages that use it cannot be decrypted; upload a new one"),
            Map.entry(
                    "sender-key",
                    "messages of this sender to the group cannot be decrypted until it distributes"
                            + " its sender key again"),
            Map.entry("sender-key-memory", "the sender key is distributed to the members of the group again"),
            Map.entry("identity-key", "the identity of this device is trusted anew when it is next seen"),
            Map.entry(
                    "app-state-sync-key",
                    "app state that is encrypted with it cannot be decrypted until another"
                            + " device of the account shares it"),
            Map.entry("app-state-sync-version", "the collection is synchronized from its beginning"),
            Map.entry("lid-mapping", "the mapping is missing until the client learns it again"),
            Map.entry("device-list", "the client asks for the devices again"),
            Map.entry("tc-token", "the token is missing until the contact issues another one"));

    private Losses() {}

    static String of(String type) {
        return BY_TYPE.getOrDefault(type, "it is missing in the target");
    }
}
