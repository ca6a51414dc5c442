package dev.keystore.spi;

/**
 * Replaces the names in a store by keyed pseudorandom ones, so that the backend holds no part of a context's name, a
 * type or an id. A hidden name is always the same for the same name, and cannot be reversed: records contain the names
 * that they were sealed for.
 *
 * <p>Hidden names consist of the characters {@code a} to {@code z} and {@code 2} to {@code 7}, at most 255 of them. The
 * same type or id has unrelated hidden names in different contexts, and so does the same id in different types.
 *
 * <p>Any number of threads may use it; no method blocks. Once the {@link StoreSealing} that it belongs to is closed,
 * all methods throw {@link IllegalStateException}.
 *
 * <p>The engine does not hide {@link StoreSealing#MARK} and {@link StoreSealing#KEYS}, nor the context of the mark.
 */
public interface NameHiding {

    /**
     * Hides the name of a context.
     *
     * @param context the name of the context
     * @return the hidden name
     */
    String context(String context);

    /**
     * Hides the name of a type.
     *
     * @param context the name of the context
     * @param type the type
     * @return the hidden name
     */
    String type(String context, String type);

    /**
     * Hides an id.
     *
     * @param context the name of the context
     * @param type the type of the entry
     * @param id the id
     * @return the hidden id
     */
    String id(String context, String type, String id);

    /**
     * Returns a prefix of the hidden ids of all ids that begin with a prefix. The hidden ids of other ids may begin
     * with it, too.
     *
     * @param context the name of the context
     * @param type the type of the entries
     * @param idPrefix the prefix of the ids
     * @return the prefix of the hidden ids, possibly empty
     */
    String idPrefix(String context, String type, String idPrefix);
}
