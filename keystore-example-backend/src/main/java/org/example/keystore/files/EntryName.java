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
 * The full name of an entry, which is also the header of its file and determines that file's name.
 *
 * <p>The file name is the SHA-256 of the header in lower-case hexadecimal: 64 characters that every file system accepts
 * and distinguishes, regardless of the id's length, case, normalization, slashes, dots and spaces.
 */
record EntryName(String context, String type, String id) {

    /** Reads the header of a file. */
    static EntryName read(Path file) throws IOException {
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            return new EntryName(in.readUTF(), in.readUTF(), in.readUTF());
        } catch (EOFException | UTFDataFormatException e) {
            throw new IOException(file + " is not the file of an entry", e);
        }
    }

    /** Returns the three parts, each preceded by its length, so that different names have different headers. */
    byte[] header() {
        return encode(context, type, id);
    }

    String fileName() {
        return hash(header());
    }

    /** Returns what names the entry in messages. */
    @Override
    public String toString() {
        return type + "/" + id + " of context \"" + context + "\"";
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
