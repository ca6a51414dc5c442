package dev.keystore.interop;

/**
 * The entries of one type, as a digest that depends on their ids and values only.
 *
 * <p>The digest is the SHA-256 of four parts for each entry, in the order of the ids ({@link String#compareTo}): the
 * length of the id in UTF-8 (4 bytes, the highest first), the id in UTF-8, the length of the value (4 bytes, the
 * highest first), and the bytes of the value, as its codec encodes it. A copy between two databases reports the same
 * digests.
 *
 * @param entries the number of entries
 * @param bytes the size of their values, in bytes
 * @param sha256 the digest, as 64 hexadecimal digits in lower case
 */
public record EntryDigest(long entries, long bytes, String sha256) {}
