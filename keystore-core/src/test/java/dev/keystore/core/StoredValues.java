package dev.keystore.core;

/** Gives tests in other packages access to the values in stored records. */
public interface StoredValues {

    /** The values of a store that is not encrypted. */
    StoredValues PLAIN = Envelope::open;

    /** Returns the value of a record; throws {@link IllegalArgumentException} if it is damaged. */
    byte[] open(String context, String type, String id, byte[] record);
}
