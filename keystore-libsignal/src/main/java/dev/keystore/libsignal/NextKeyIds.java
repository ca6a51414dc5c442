package dev.keystore.libsignal;

/**
 * The ids that an imported account issues next, so that it does not repeat those that its server has seen.
 *
 * @param preKey the id of the next one-time pre-key
 * @param signedPreKey the id of the next signed pre-key
 * @param kyberPreKey the id of the next Kyber pre-key, one-time or last-resort
 */
public record NextKeyIds(int preKey, int signedPreKey, int kyberPreKey) {

    /**
     * Creates ids.
     *
     * @param preKey the id of the next one-time pre-key
     * @param signedPreKey the id of the next signed pre-key
     * @param kyberPreKey the id of the next Kyber pre-key, one-time or last-resort
     * @throws IllegalArgumentException if an id is not from 1 to 16,777,214
     */
    public NextKeyIds {
        requireId(preKey, "preKey");
        requireId(signedPreKey, "signedPreKey");
        requireId(kyberPreKey, "kyberPreKey");
    }

    private static void requireId(int id, String name) {
        if (id < 1 || id > Ids.MAX_KEY_ID) {
            throw new IllegalArgumentException(name + " must be from 1 to " + Ids.MAX_KEY_ID + ", was " + id);
        }
    }
}
