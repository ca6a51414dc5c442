package dev.keystore.libsignal;

/**
 * The numbers of pre-keys that are left.
 *
 * <p>A key that the server has handed out counts until a message uses it, so the server may have fewer left.
 *
 * @param preKeys one-time pre-keys, without those that a later upload has replaced
 * @param signedPreKeys signed pre-keys, with former ones that are still kept
 * @param kyberPreKeys one-time Kyber pre-keys, without those that a later upload has replaced
 * @param lastResortKyberPreKeys last-resort Kyber pre-keys, with former ones that are still kept
 */
public record PreKeyCounts(int preKeys, int signedPreKeys, int kyberPreKeys, int lastResortKyberPreKeys) {}
