package org.example.keystore.files;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UTFDataFormatException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The full name of an entry, which its file begins with, and the name of that file.
 *
 * <p>A file is called by the SHA-256 of what it begins with, in lower-case hexadecimal: 64 characters that every file
 * system keeps apart, whatever the id's length, case, normalisation, slashes, dots and blanks are.
 */
record EntryName(String context, String type, String id) {

    /** Reads what a file begins with. */
    static EntryName read(Path file) throws IOException {
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            return new EntryName(in.readUTF(), in.readUTF(), in.readUTF());
        } catch (EOFException | UTFDataFormatException e) {
            throw new IOException(file + " is no entry's file", e);
        }
    }

    /** Returns the three parts, each with its length before it, so that no two names have one header. */
    byte[] header() {
        return encode(context, type, id);
    }

    String fileName() {
        return hash(header());
    }

    static String folderName(String context) {
        return hash(encode(context));
    }

    private static byte[] encode(String... parts) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream header = new DataOutputStream(bytes)) {
            for (String part : parts) {
                header.writeUTF(part);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static String hash(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
