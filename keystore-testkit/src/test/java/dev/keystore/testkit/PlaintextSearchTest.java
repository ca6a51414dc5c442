package dev.keystore.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.Backend;
import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.NameHiding;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.StoreSealing;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.Events;

class PlaintextSearchTest {

    private final PlaintextSearch search = new PlaintextSearch();
    private final byte[] value = new byte[700];

    @TempDir
    private Path folder;

    PlaintextSearchTest() {
        new Random(70).nextBytes(value);
    }

    @Test
    @DisplayName("R70 any 32 bytes of a value are found anywhere in a file, also as hexadecimal digits")
    void anyPart_isFound() throws IOException {
        search.add(value);
        Path file = folder.resolve("file");
        for (int start = 0; start <= value.length - 32; start++) {
            byte[] part = Arrays.copyOfRange(value, start, start + 32);
            byte[] bytes = new byte[200];
            System.arraycopy(part, 0, bytes, start % 150, part.length);
            Files.write(file, bytes);
            assertThat(search.in(List.of(file))).as("from %s on", start).isEqualTo(Map.of(file, 1));
            Files.writeString(file, "parameters: $1 = '\\x0" + HexFormat.of().formatHex(part) + "'");
            assertThat(search.in(List.of(file))).as("digits, from %s on", start).hasSize(1);
        }
    }

    @Test
    @DisplayName("R70 nothing is found in other files, and files that are gone are left out")
    void others_areNotFound() throws IOException {
        search.add(value);
        search.add(new byte[700]);
        Path file = folder.resolve("file");
        byte[] other = new byte[100_000];
        new Random(71).nextBytes(other);
        Files.write(file, other);
        Path empty = folder.resolve("empty");
        Files.write(empty, new byte[100_000]);

        assertThat(search.in(List.of(file, empty, folder.resolve("gone")))).isEmpty();
        assertThat(search.size()).isEqualTo(2);
    }

    @Test
    @DisplayName("R64 the contract with encryption that stores values and names as they are fails, and says so")
    void contract_withoutEncryption_fails() {
        Events tests = Verdict.run(Unencrypted.class);

        assertThat(tests.failed().stream()
                        .map(event -> event.getRequiredPayload(TestExecutionResult.class)
                                .getThrowable()
                                .orElseThrow()
                                .getMessage())
                        .filter(message -> message.contains("files with plaintext")))
                .hasSizeGreaterThan(40);
    }

    /** Encryption whose records are the values, and whose hidden names are the names. */
    private static final class NoEncryption implements Sealing {

        @Override
        public StoreSealing open(byte @Nullable [] mark) {
            byte[] sameMark = mark == null ? UUID.randomUUID().toString().getBytes(UTF_8) : mark;
            ContextSealing context =
                    proxy(ContextSealing.class, (method, arguments) -> arguments[method.equals("entryOf") ? 0 : 2]);
            NameHiding names = proxy(NameHiding.class, (method, arguments) -> arguments[arguments.length - 1]);
            return proxy(StoreSealing.class, (method, arguments) -> switch (method) {
                case "mark", "sealKeys" -> sameMark;
                case "contextOf" -> arguments[0];
                case "names" -> Optional.of(names);
                case "createContext", "openContext" -> context;
                default -> null;
            });
        }

        @Override
        public StoreSealing rotate(byte[] mark) {
            return open(mark);
        }

        private interface Answer {
            @Nullable
            Object to(String method, Object[] arguments);
        }

        private static <T> T proxy(Class<T> type, Answer answer) {
            return type.cast(Proxy.newProxyInstance(
                    PlaintextSearchTest.class.getClassLoader(),
                    new Class<?>[] {type},
                    (proxy, method, arguments) -> answer.to(method.getName(), arguments)));
        }
    }

    /** The build must not run this class by itself, since it fails. */
    static class Unencrypted extends EncryptedContractTest {

        @Override
        protected Backend openUnencrypted(Path folder) {
            return new LogBackend(folder);
        }

        @Override
        protected Sealing encryption(Path folder) {
            return new NoEncryption();
        }
    }
}
