package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import org.jspecify.annotations.Nullable;

/**
 * Our identity, as the credentials of a client hold it.
 *
 * @param publicKey the identity key, with its type
 * @param registrationId the registration id
 */
record OwnIdentity(byte[] publicKey, long registrationId) {

    /** Finds it in the credentials of Baileys, baileys_ex or whatsmeow; null in any other. */
    static @Nullable OwnIdentity of(byte @Nullable [] credentials) {
        if (credentials == null) {
            return null;
        }
        try {
            JsonNode node = ErlangTerm.decodeThisOrJson(credentials);
            JsonFields fields = new JsonFields(node);
            if (node.has("signedIdentityKey")) {
                byte[] publicKey = fields.object("signedIdentityKey").bytes("public");
                return new OwnIdentity(
                        Curve.withType(publicKey), fields.number("registrationId", 0, SessionState.MAXIMUM_UNSIGNED));
            }
            if (node.has("signed_identity_key")) {
                byte[] publicKey = fields.object("signed_identity_key").bytes("public");
                return new OwnIdentity(
                        Curve.withType(publicKey), fields.number("registration_id", 0, SessionState.MAXIMUM_UNSIGNED));
            }
            byte[] privateKey = fields.bytes("identity_key", Curve.KEY_BYTES);
            return new OwnIdentity(
                    Curve.withType(Curve.publicOf(privateKey)),
                    fields.number("registration_id", 0, SessionState.MAXIMUM_UNSIGNED));
        } catch (DamagedException e) {
            return null;
        }
    }
}
