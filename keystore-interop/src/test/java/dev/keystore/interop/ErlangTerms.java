package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Encodes terms as {@code :erlang.term_to_binary} does: texts and bytes as binaries, null as {@code nil}. */
final class ErlangTerms {

    private ErlangTerms() {}

    /** An atom. */
    record Atom(String name) {}

    static byte[] encode(@Nullable Object term) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            bytes.write(131);
            write(new DataOutputStream(bytes), term);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static void write(DataOutputStream out, @Nullable Object term) throws IOException {
        if (term == null || term instanceof Boolean || term instanceof Atom) {
            byte[] name =
                    (term instanceof Atom atom ? atom.name() : term == null ? "nil" : term.toString()).getBytes(UTF_8);
            out.write(119);
            out.write(name.length);
            out.write(name);
        } else if (term instanceof Integer number && number >= 0 && number < 256) {
            out.write(97);
            out.write(number);
        } else if (term instanceof Integer number) {
            out.write(98);
            out.writeInt(number);
        } else if (term instanceof Long number) {
            out.write(110);
            out.write(Long.BYTES);
            out.write(number < 0 ? 1 : 0);
            out.writeLong(Long.reverseBytes(Math.abs(number)));
        } else if (term instanceof String text) {
            write(out, text.getBytes(UTF_8));
        } else if (term instanceof byte[] binary) {
            out.write(109);
            out.writeInt(binary.length);
            out.write(binary);
        } else if (term instanceof List<?> list) {
            if (!list.isEmpty()) {
                out.write(108);
                out.writeInt(list.size());
                for (Object element : list) {
                    write(out, element);
                }
            }
            out.write(106);
        } else if (term instanceof Map<?, ?> map) {
            out.write(116);
            out.writeInt(map.size());
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                write(out, entry.getKey());
                write(out, entry.getValue());
            }
        } else {
            throw new IllegalArgumentException(term.getClass().getName());
        }
    }
}
