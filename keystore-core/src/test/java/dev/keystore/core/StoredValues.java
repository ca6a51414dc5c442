package dev.keystore.core;

/** Gives tests in other packages access to the stored form of values. */
public final class StoredValues {

    private StoredValues() {}

    /** Returns the value in an envelope; throws {@link IllegalArgumentException} if it is damaged. */
    public static byte[] open(String context, String type, String id, byte[] sealed) {
        return Envelope.open(context, type, id, sealed);
    }
}
