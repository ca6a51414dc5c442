package dev.keystore.libsignal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("An account works with libsignal")
class LibsignalVersionsTest {

    private static final String PROTOCOL = "org.signal.libsignal.protocol.";
    private static final String CIPHER = "SessionCipher";
    private static final String BUILDER = "SessionBuilder";

    @TempDir
    private Path folder;

    @Test
    @DisplayName("0.86.5, with its local address or without")
    void converse_versionOnTheClassPath() throws Exception {
        assertThat(new ShortConversation("local alice", "local bob").call()).isEqualTo("hello, hello again");
        assertThat(new ShortConversation(null, null).call()).isEqualTo("hello, hello again");
    }

    @Test
    @DisplayName("0.91 and 0.92, whose ciphers take the local address before the remote one")
    void converse_standInsOf091() throws Exception {
        assertThat(converse(List.of(CIPHER), "local alice", "local bob")).isEqualTo("hello, hello again");
    }

    @Test
    @DisplayName("0.93 and later, whose builders take the local address after the remote one")
    void converse_standInsOf093() throws Exception {
        assertThat(converse(List.of(CIPHER, BUILDER), "local alice", "local bob"))
                .isEqualTo("hello, hello again");
    }

    @Test
    @DisplayName("0.91 and later only with its local address, and says so")
    void converse_noLocalAddress_isRefused() {
        for (List<String> standIns : List.of(List.of(CIPHER), List.of(BUILDER))) {
            assertThatThrownBy(() -> converse(standIns, null, null))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("AccountOptions.Builder.localAddress");
        }
    }

    @Test
    @DisplayName("of an unknown version not at all, and says so")
    void converse_noKnownConstructor_isRefused() throws Exception {
        Path source = Files.createDirectory(folder.resolve("unknown")).resolve(BUILDER + ".java");
        Files.writeString(
                source,
                "package org.signal.libsignal.protocol; public class SessionBuilder {"
                        + " public void process(org.signal.libsignal.protocol.state.PreKeyBundle bundle) {} }");

        assertThatThrownBy(() -> converse(compile(List.of(source)), "local alice", "local bob"))
                .isInstanceOf(NoSuchMethodError.class)
                .hasMessageContaining(PROTOCOL + BUILDER)
                .hasMessageContaining("not supported");
    }

    private String converse(List<String> standIns, String alice, String bob) throws Exception {
        List<Path> sources = new ArrayList<>();
        for (String standIn : standIns) {
            Path source = folder.resolve(standIn + ".java");
            try (InputStream in = getClass().getResourceAsStream("/newer-libsignal/" + standIn + ".java")) {
                Files.write(source, in.readAllBytes());
            }
            sources.add(source);
        }
        return converse(compile(sources), alice, bob);
    }

    /** Compiles sources against the version on the class path, in a new folder, and returns that. */
    private Path compile(List<Path> sources) throws IOException {
        Path classes = Files.createTempDirectory(folder, "classes");
        List<String> arguments = new ArrayList<>(List.of("-proc:none", "-d", classes.toString()));
        sources.forEach(source -> arguments.add(source.toString()));
        arguments.addAll(List.of("-cp", System.getProperty("java.class.path")));
        int result = ToolProvider.getSystemJavaCompiler().run(null, null, null, arguments.toArray(String[]::new));
        assertThat(result).isZero();
        return classes;
    }

    /** Runs the conversation with this module's classes and the stand-ins in one new class loader. */
    @SuppressWarnings("unchecked")
    private static String converse(Path standIns, String alice, String bob) throws Exception {
        ClassLoader loader = new StandInLoader(standIns);
        var constructor =
                loader.loadClass(ShortConversation.class.getName()).getDeclaredConstructor(String.class, String.class);
        constructor.setAccessible(true);
        return ((Callable<String>) constructor.newInstance(alice, bob)).call();
    }

    /** Defines the stand-ins and the classes of this module itself; all other classes are those of its parent. */
    private static final class StandInLoader extends ClassLoader {

        private final Path standIns;

        StandInLoader(Path standIns) {
            super(LibsignalVersionsTest.class.getClassLoader());
            this.standIns = standIns;
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                if (loaded != null) {
                    return loaded;
                }
                byte[] bytes = bytes(name);
                return bytes == null ? super.loadClass(name, resolve) : defineClass(name, bytes, 0, bytes.length);
            }
        }

        private byte[] bytes(String name) {
            String file = name.replace('.', '/') + ".class";
            try {
                if (name.startsWith(PROTOCOL) && Files.exists(standIns.resolve(file))) {
                    return Files.readAllBytes(standIns.resolve(file));
                }
                if (!name.startsWith("dev.keystore.libsignal.")) {
                    return null;
                }
                try (InputStream in = getParent().getResourceAsStream(file)) {
                    return in == null ? null : in.readAllBytes();
                }
            } catch (IOException e) {
                throw new IllegalStateException("cannot read class " + name, e);
            }
        }
    }
}
