package dev.keystore.interop;

import java.util.List;

/**
 * A record in another form.
 *
 * @param bytes the record
 * @param lost what could not be converted, and why
 */
record ConvertedRecord(byte[] bytes, List<String> lost) {}
