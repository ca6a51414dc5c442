package dev.keystore.interop;

/**
 * What became of one part of a foreign store, such as a file, a row or a line, or of one entry that was exported.
 *
 * @param name where it is: the name of the file or line, or type and id of the entry
 * @param fate what was done with it, or would be
 * @param type the name of its type; empty if that is not known
 * @param id its id; empty if that is not known, and for credentials
 * @param reason why it was not carried, and what follows from that; empty if there is nothing to say
 */
public record TransferItem(String name, Fate fate, String type, String id, String reason) {

    /** What was done with an item. */
    public enum Fate {
        /** It is in the target, unchanged. */
        CARRIED,
        /** It is in the target, in another form, as requested. What was lost of it is a further item of its name. */
        CONVERTED,
        /** It is not needed: a temporary file, or a backup of a file that could be used. */
        NOT_NEEDED,
        /** It is damaged, cut or empty, or cannot be read. The target does not hold it. */
        DAMAGED,
        /** It is of a type that Keystore does not know. The target does not hold it. */
        UNKNOWN,
        /** The target has no place for it. */
        NOT_CARRIED
    }
}
