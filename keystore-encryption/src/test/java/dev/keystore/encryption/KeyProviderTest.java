package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.crypto.tink.KmsClients;
import dev.keystore.KeyUnavailableException;
import dev.keystore.spi.KeyProvider;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.SealingProvider;
import java.io.File;
import java.io.OutputStream;
import java.lang.ref.Reference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.crypto.spec.SecretKeySpec;
import org.assertj.core.api.AbstractThrowableAssert;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bouncycastle.crypto.params.Argon2Parameters;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Where root keys come from, and what is reported when one is missing, wrong or exposed. */
class KeyProviderTest {

    private static final byte[] PLACE = "store".getBytes(UTF_8);

    @TempDir
    private Path folder;

    private final byte[] key = new byte[32];

    KeyProviderTest() {
        new SecureRandom().nextBytes(key);
    }

    private void assertWraps(KeyProvider provider, KeyProvider same, KeyProvider other) {
        byte[] original = key.clone();
        byte[] wrapped = provider.wrap(key, PLACE);
        assertThat(key).isEqualTo(original);
        assertThat(same.unwrap(wrapped, PLACE)).isEqualTo(original);
        assertUnavailable(() -> other.unwrap(wrapped, PLACE));
        assertUnavailable(() -> same.unwrap(wrapped, "other".getBytes(UTF_8)));
        for (int i : new int[] {0, wrapped.length / 2, wrapped.length - 1}) {
            byte[] changed = wrapped.clone();
            changed[i] ^= 1;
            assertUnavailable(() -> same.unwrap(changed, PLACE));
        }
        assertUnavailable(() -> same.unwrap(new byte[0], PLACE));
        assertThat(provider.wrap(key, PLACE)).isNotEqualTo(wrapped);
        assertThat(provider.name()).matches("[a-z0-9-]{1,64}");
    }

    private static AbstractThrowableAssert<?, ?> assertUnavailable(ThrowingCallable call) {
        return assertThatThrownBy(call).isInstanceOf(KeyUnavailableException.class);
    }

    @Test
    @DisplayName("R73 a key file is created for its owner only, and wraps keys")
    void keyFile() throws Exception {
        Path file = folder.resolve("root.key");
        KeyFile created = KeyFile.create(file);

        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        assertThat(Files.readString(file)).matches("keystore-root-key-1 [A-Za-z0-9+/]{43}=\n");
        assertWraps(created, KeyFile.at(file), KeyFile.create(folder.resolve("other.key")));
        assertThatThrownBy(() -> KeyFile.create(file)).isInstanceOf(FileAlreadyExistsException.class);
    }

    @Test
    @DisplayName("R72 a key file that is missing is unavailable, and the message names it")
    void keyFile_missing() {
        Path file = folder.resolve("root.key");
        assertUnavailable(() -> KeyFile.at(file).wrap(key, PLACE))
                .hasMessage("Key file " + file
                        + " does not exist; put the key file of the store there, or create one with KeyFile.create if"
                        + " the store is new");
    }

    @ParameterizedTest
    @ValueSource(strings = {"rw-r-----", "rw----r--", "rw--w----", "rw------x"})
    @DisplayName("R72 a key file that others can access is refused, with what to do")
    void keyFile_exposed(String permissions) throws Exception {
        Path file = folder.resolve("root.key");
        KeyFile created = KeyFile.create(file);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permissions));

        assertUnavailable(() -> created.wrap(key, PLACE))
                .hasMessage("Key file " + file + " is accessible to others than its owner (" + permissions
                        + "); if nobody else has read it, allow only the owner (chmod 600), otherwise replace the key");
    }

    @ParameterizedTest
    @CsvSource({"alice, alice, true", "bob, alice, false", "bob, root, false", "root, alice, true", "1001, , true"})
    @DisplayName("R72 a key file of another user is refused, except of root")
    void keyFile_owner(String owner, @Nullable String user, boolean isTrusted) {
        assertThat(KeyFile.isTrusted(owner, Optional.ofNullable(user))).isEqualTo(isTrusted);
    }

    @Test
    @DisplayName("R72 root is refused a key file that another user owns, with what to do")
    void keyFile_ofAnotherUser() throws Exception {
        Path file = folder.resolve("root.key");
        KeyFile created = KeyFile.create(file);
        assumeTrue(Files.getOwner(file).getName().equals("root"), "only root can give a file away");
        UserPrincipal other =
                file.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("4711");
        Files.setOwner(file, other);

        assertUnavailable(() -> created.wrap(key, PLACE))
                .hasMessage("Key file " + file + " belongs to user 4711, who can read it, and not to the user of this"
                        + " process; if that user has not read it, change its owner (chown), otherwise replace the"
                        + " key");
    }

    @Test
    @DisplayName("R72 a key file that could not be written is deleted, so that it can be created again")
    void keyFile_createFails_leavesNone() throws Exception {
        Path file = folder.resolve("root.key");
        Thread.currentThread().interrupt(); // ends the write, after the file was created
        try {
            assertThatThrownBy(() -> KeyFile.create(file)).isInstanceOf(ClosedByInterruptException.class);
        } finally {
            Thread.interrupted();
        }

        assertThat(file).doesNotExist();
        assertThat(KeyFile.create(file).wrap(key, PLACE)).isNotEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "\n",
                "keystore-root-key-1 ",
                "keystore-root-key-1 c2VjcmV0",
                "keystore-root-key-1 !!!!",
                "keystore-root-key-2 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
            })
    @DisplayName("R76 a key file with other content is refused, and none of it is in the exception")
    void keyFile_malformed(String content) throws Exception {
        Path file = ownerOnly(folder.resolve("root.key"));
        Files.writeString(file, content);

        assertUnavailable(() -> KeyFile.at(file).wrap(key, PLACE))
                .hasMessage("Key file " + file
                        + " does not contain \"keystore-root-key-1 \" and 32 bytes in Base64; put the key file"
                        + " of the store there")
                .hasNoCause();
    }

    @Test
    @DisplayName("R72 a key file that is too large is refused")
    void keyFile_large() throws Exception {
        Path file = ownerOnly(folder.resolve("root.key"));
        Files.write(file, new byte[1_025]);

        assertUnavailable(() -> KeyFile.at(file).wrap(key, PLACE)).hasMessageContaining("more than 1024 bytes");
    }

    private static Path ownerOnly(Path file) throws Exception {
        return Files.createFile(
                file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    }

    @Test
    @DisplayName("R73 Argon2id gives what the reference implementation gives")
    void argon2id() {
        assertThat(Argon2id.hash("password".getBytes(UTF_8), "somesalt".getBytes(UTF_8), 65_536, 2, 1))
                .isEqualTo(HexFormat.of().parseHex("09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"));
    }

    @Test
    @DisplayName("R73 a passphrase wraps keys; a wrong one is unavailable")
    void passphrase() {
        assertWraps(
                Passphrase.from("correct horse"::toCharArray),
                Passphrase.from("correct horse"::toCharArray),
                Passphrase.from("wrong horse"::toCharArray));
        byte[] other = Passphrase.from("wrong horse"::toCharArray).wrap(key, PLACE);
        assertUnavailable(() -> Passphrase.from("correct horse"::toCharArray).unwrap(other, PLACE))
                .as("R76 no id of a derived key, by which guesses could be tested")
                .hasMessage("The passphrase is not the one that the store was encrypted with; configure that one");
        byte[] wrapped = Passphrase.from("größe 🐎"::toCharArray).wrap(key, PLACE);
        assertThat(Passphrase.from("größe 🐎"::toCharArray).unwrap(wrapped, PLACE))
                .isEqualTo(key);
        assertUnavailable(() -> Passphrase.from("groesse 🐎"::toCharArray).unwrap(wrapped, PLACE));
    }

    @Test
    @DisplayName("R72 parameters of Argon2id are refused that exhaust the memory, or make guesses cheaper than today's")
    void passphrase_parameters() {
        Passphrase passphrase = Passphrase.from("correct horse"::toCharArray);
        byte[] wrapped = passphrase.wrap(key, PLACE);
        for (int[] parameters : new int[][] {
            {Integer.MAX_VALUE, 3, 4},
            {-1, 3, 4},
            {0, 3, 4},
            {65_536, 17, 4},
            {65_536, 0, 4},
            {65_536, 3, 0},
            {65_536, 3, 65},
            {8, 1, 1},
            {65_535, 3, 4},
            {65_536, 2, 4}
        }) {
            byte[] changed = wrapped.clone();
            ByteBuffer.wrap(changed).putInt(parameters[0]).putInt(parameters[1]).putInt(parameters[2]);
            assertUnavailable(() -> passphrase.unwrap(changed, PLACE)).hasMessageContaining("was changed");
        }
    }

    @Test
    @DisplayName("R72 a heap that has no room for Argon2id makes the key unavailable, with what to do")
    void passphrase_smallHeap() throws Exception {
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-Xmx100m",
                        "-cp",
                        Stream.of(SmallHeap.class, Passphrase.class, KeyProvider.class, Argon2Parameters.class)
                                .map(each -> each.getProtectionDomain()
                                        .getCodeSource()
                                        .getLocation()
                                        .getPath())
                                .collect(Collectors.joining(File.pathSeparator)),
                        SmallHeap.class.getName())
                .redirectErrorStream(true)
                .start();
        String printed = new String(child.getInputStream().readAllBytes(), UTF_8);

        assertThat(child.waitFor()).as(printed).isZero();
        assertThat(printed.lines())
                .hasSize(2)
                .first()
                .asString()
                .startsWith("Deriving the root key from the passphrase needs 1024 MiB of the heap, which has ")
                .endsWith(" MiB; enlarge it (-Xmx)");
        assertThat(printed.lines().toList().get(1))
                .startsWith("Deriving the root key from the passphrase needs 64 MiB of the heap, which has ");
    }

    /** Derives keys in a process with a small heap, and prints why they are unavailable. */
    static final class SmallHeap {

        private SmallHeap() {}

        /** Runs without arguments. */
        public static void main(String[] arguments) {
            Passphrase passphrase = Passphrase.from("correct horse"::toCharArray);
            byte[] parameters = ByteBuffer.allocate(100)
                    .putInt(1_048_576)
                    .putInt(3)
                    .putInt(4)
                    .array();
            print(() -> passphrase.unwrap(parameters, new byte[0]));
            byte[] cache = new byte[50 << 20];
            try {
                print(() -> passphrase.wrap(new byte[32], new byte[0]));
            } finally {
                Reference.reachabilityFence(cache);
            }
        }

        private static void print(Runnable derivation) {
            try {
                derivation.run();
                System.out.println("derived");
            } catch (KeyUnavailableException e) {
                System.out.println(e.getMessage());
            } catch (OutOfMemoryError e) {
                System.out.println(e);
            }
        }
    }

    @Test
    @DisplayName("R73 a key that was wrapped with other parameters of Argon2id than today's is unwrapped with those")
    void passphrase_storedParameters() {
        byte[] stored = HexFormat.of()
                .parseHex("0001000000000004000000012b0adbb6929b87cc9236a3aa21e09e34db339ff03751df00ba7937bf"
                        + "0e9338b5784c36db8c497070701e93d8e08cdabea913052a2dfc641739213229b2b09aecb757b5ce"
                        + "88bf1b6ea4875bfe43fa6e5ed1a89a2e93ca75bc00a3a9c81c11ed9c");
        assertThat(ByteBuffer.wrap(stored, Integer.BYTES, Integer.BYTES).getInt())
                .as("passes")
                .isEqualTo(4);

        assertThat(Passphrase.from("correct horse"::toCharArray).unwrap(stored, PLACE))
                .isEqualTo("a key that was wrapped long ago.".getBytes(UTF_8));
    }

    @Test
    @DisplayName("R76 the array of the passphrase is overwritten after each use, also after a failure")
    void passphrase_overwritten() {
        char[][] handedOut = new char[1][];
        Passphrase passphrase = Passphrase.from(() -> handedOut[0] = "correct horse".toCharArray());
        byte[] wrapped = passphrase.wrap(key, PLACE);
        assertThat(handedOut[0]).containsOnly('\0');
        assertUnavailable(() -> passphrase.unwrap(wrapped, key));
        assertThat(handedOut[0]).containsOnly('\0');
    }

    @Test
    @DisplayName("R72 a password comes from a file or an environment variable; a missing one is unavailable")
    void passwordSource() throws Exception {
        Path file = folder.resolve("password");
        assertUnavailable(() -> PasswordSource.file(file).password()).hasMessageContaining(file.toString());
        Files.writeString(file, "pass word \r\n");
        assertThat(PasswordSource.file(file).password()).isEqualTo("pass word ".toCharArray());
        Files.writeString(file, "\n");
        assertUnavailable(() -> PasswordSource.file(file).password()).hasMessageContaining("is empty");
        Files.write(file, new byte[] {'a', (byte) 0xff});
        assertUnavailable(() -> PasswordSource.file(file).password()).hasMessageContaining("UTF-8");
        assertUnavailable(() -> PasswordSource.environment("KEYSTORE_NOT_SET").password())
                .hasMessage("Environment variable KEYSTORE_NOT_SET is not set; set it to the password");
        assertThat(PasswordSource.environment("PATH").password())
                .isEqualTo(System.getenv("PATH").toCharArray());
    }

    @Test
    @DisplayName("R73 a key in a PKCS#12 file wraps keys; a wrong password, alias or kind of key is unavailable")
    void pkcs12() throws Exception {
        Path file = pkcs12("root", 32);
        Path small = pkcs12("small", 16);
        PasswordSource password = "changeit"::toCharArray;

        assertWraps(
                Pkcs12File.at(file, "root", password),
                Pkcs12File.at(file, "root", password),
                Pkcs12File.at(pkcs12("other", 32), "other", password));
        assertUnavailable(() -> Pkcs12File.at(file, "none", password).wrap(key, PLACE))
                .hasMessageContaining("alias \"none\"");
        assertUnavailable(() -> Pkcs12File.at(small, "small", password).wrap(key, PLACE));
        assertUnavailable(
                        () -> Pkcs12File.at(file, "root", "wrong"::toCharArray).wrap(key, PLACE))
                .hasMessageContaining("check the file and its password");
        assertUnavailable(() ->
                Pkcs12File.at(folder.resolve("none.p12"), "root", password).wrap(key, PLACE));
    }

    private Path pkcs12(String alias, int bytes) throws Exception {
        byte[] secret = new byte[bytes];
        new SecureRandom().nextBytes(secret);
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setEntry(
                alias,
                new KeyStore.SecretKeyEntry(new SecretKeySpec(secret, "AES")),
                new KeyStore.PasswordProtection("changeit".toCharArray()));
        Path file = folder.resolve(alias + ".p12");
        try (OutputStream out = Files.newOutputStream(file)) {
            store.store(out, "changeit".toCharArray());
        }
        return file;
    }

    @Test
    @DisplayName("R73 a key of a key management service wraps keys through Tink's client")
    void tink() {
        FakeKms kms = new FakeKms("fake-kms://", "none");
        assertWraps(
                TinkKms.key("fake-kms://one", kms),
                TinkKms.key("fake-kms://one", kms),
                TinkKms.key("fake-kms://two", kms));

        byte[] mark =
                Encryption.with(TinkKms.key("fake-kms://one", kms)).open(null).mark();
        assertThat(Encryption.with(TinkKms.key("fake-kms://one", kms))
                        .open(mark)
                        .mark())
                .isEqualTo(mark);
        assertUnavailable(() ->
                        Encryption.with(TinkKms.key("fake-kms://two", kms)).open(mark))
                .hasMessageStartingWith("Key fake-kms://two could not decrypt the key of the store: ");
        assertUnavailable(() -> TinkKms.key("unknown-kms://x").wrap(key, PLACE));
    }

    @Test
    @DisplayName("R73 the property kms: finds a client on the class path, and uses its default credentials")
    void tink_withoutCode() {
        Sealing byUri = sealing(new EncryptionProperties(), Map.of("encryption.key", "kms:loaded-kms://one"));
        byte[] mark = byUri.open(null).mark();

        FakeKms same = new FakeKms("loaded-kms://", "default");
        assertThat(Encryption.with(TinkKms.key("loaded-kms://one", same))
                        .open(mark)
                        .mark())
                .isEqualTo(mark);
        FakeKms withoutCredentials = new FakeKms("loaded-kms://", "none");
        assertUnavailable(() -> Encryption.with(TinkKms.key("loaded-kms://one", withoutCredentials))
                .open(mark));
        assertUnavailable(() -> sealing(new EncryptionProperties(), Map.of("encryption.key", "kms:unknown-kms://one"))
                        .open(null))
                .hasMessageContaining("check that the client of its service is on the class path");
    }

    @Test
    @SuppressWarnings("deprecation") // as TinkKms
    @DisplayName(
            "R73 the property kms: uses a client that the application added, and needs no default credentials then")
    void tink_addedClient() {
        Map<String, String> properties = Map.of("encryption.key", "kms:added-kms://one");
        assertUnavailable(() -> sealing(new EncryptionProperties(), properties).open(null))
                .as("found on the class path")
                .hasCauseInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("KmsClients.add");

        KmsClients.add(new AddedKms(new FakeKms("added-kms://", "of the application")));

        byte[] mark = sealing(new EncryptionProperties(), properties).open(null).mark();
        assertThat(sealing(new EncryptionProperties(), properties).open(mark).mark())
                .isEqualTo(mark);
        FakeKms same = new FakeKms("added-kms://", "of the application");
        assertThat(Encryption.with(TinkKms.key("added-kms://one", same))
                        .open(mark)
                        .mark())
                .isEqualTo(mark);
    }

    @ParameterizedTest
    @CsvSource({
        "com.google.crypto.tink., kms:gcp-kms://projects/x, com.google.crypto.tink:tink",
        "org.bouncycastle., passphrase-env:PATH, org.bouncycastle:bcprov-jdk18on"
    })
    @DisplayName("R72 if the library that a root key needs is missing, the message names the artifact to add")
    void libraryMissing(String missing, String property, String artifact) throws Exception {
        try (WithoutPackage loader = new WithoutPackage(missing)) {
            SealingProvider provider = (SealingProvider) loader.loadClass(EncryptionProperties.class.getName())
                    .getConstructor()
                    .newInstance();
            assertThat(provider).isNotInstanceOf(EncryptionProperties.class);
            Sealing sealing = sealing(provider, Map.of("encryption.key", property));
            assertThatThrownBy(() -> sealing.open(null))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining(artifact)
                    .hasCauseInstanceOf(NoClassDefFoundError.class);
        }
    }

    /** Loads the classes of this module once more, as a class path without a package does. */
    private static final class WithoutPackage extends URLClassLoader {

        private final String missing;

        WithoutPackage(String missing) {
            super(
                    new URL[] {
                        TinkKms.class.getProtectionDomain().getCodeSource().getLocation()
                    },
                    KeyProviderTest.class.getClassLoader());
            this.missing = missing;
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (name.startsWith(missing)) {
                throw new ClassNotFoundException(name);
            }
            if (!name.startsWith("dev.keystore.encryption.")) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                return loaded == null ? findClass(name) : loaded;
            }
        }
    }

    @Test
    @DisplayName("R72 properties name the root key, and a service loader finds the class that reads them")
    void properties() throws Exception {
        SealingProvider provider =
                ServiceLoader.load(SealingProvider.class).findFirst().orElseThrow();
        Path file = folder.resolve("root.key");
        KeyFile.create(file);
        Path password = Files.writeString(folder.resolve("password"), "changeit");
        Path p12 = pkcs12("root", 32);

        assertThat(provider.sealing(Map.of("busy_timeout", "5"))).isEmpty();
        Sealing byFile = sealing(provider, Map.of("encryption.key", "key-file:" + file, "other", "x"));
        byte[] mark = byFile.open(null).mark();
        assertThat(Encryption.with(KeyFile.at(file)).open(mark).mark()).isEqualTo(mark);

        Sealing byPkcs12 = sealing(
                provider,
                Map.of(
                        "encryption.key", "pkcs12:" + p12 + "#root",
                        "encryption.key.password", "file:" + password,
                        "encryption.former-key", "key-file:" + file,
                        "encryption.padding", "256"));
        assertThat(byPkcs12).hasToString("Encryption[root key from pkcs12, replacing key-file, padding 256]");
        byte[] replaced = byPkcs12.open(mark).mark();
        assertThat(byPkcs12.open(replaced).mark()).isEqualTo(replaced);
        assertUnavailable(() -> byFile.open(replaced));

        assertThat(sealing(provider, Map.of("encryption.key", "passphrase-file:" + password)))
                .hasToString("Encryption[root key from passphrase, padding 1]");
        assertThat(sealing(provider, Map.of("encryption.key", "passphrase-env:NAME")))
                .hasToString("Encryption[root key from passphrase, padding 1]");
        assertThat(sealing(provider, Map.of("encryption.key", "kms:gcp-kms://projects/x")))
                .hasToString("Encryption[root key from kms, padding 1]");
    }

    @Test
    @DisplayName("R72 properties add to a root key that code provides, and may not name another one")
    void properties_withRootKey() {
        KeyFile root = KeyFile.at(folder.resolve("root.key"));
        assertThat(EncryptionProperties.with(root, Map.of("busy_timeout", "5")))
                .hasToString("Encryption[root key from key-file, padding 1]");
        assertThat(EncryptionProperties.with(
                        root,
                        Map.of(
                                "encryption.padding", "64",
                                "encryption.names", "hidden",
                                "encryption.former-key", "passphrase-env:NAME")))
                .hasToString("Encryption[root key from key-file, replacing passphrase, padding 64, hiding names]");
        for (String property : List.of("encryption.key", "encryption.key.password", "encryption.none")) {
            assertThatThrownBy(() -> EncryptionProperties.with(root, Map.of(property, "hunter2")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(property)
                    .hasMessageNotContaining("hunter2");
        }
    }

    private static Sealing sealing(SealingProvider provider, Map<String, String> properties) {
        Optional<Sealing> sealing = provider.sealing(properties);
        return sealing.orElseThrow();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "encryption.key=hunter2",
                "encryption.key=",
                "encryption.key=key-file:",
                "encryption.key=none:hunter2",
                "encryption.key=pkcs12:hunter2",
                "encryption.key=pkcs12:hunter2#",
                "encryption.key=pkcs12:hunter2#root",
                "encryption.key=pkcs12:x#root;encryption.key.password=hunter2",
                "encryption.key=key-file:x;encryption.key.password=hunter2",
                "encryption.key=key-file:x;encryption.padding=hunter2",
                "encryption.key=key-file:x;encryption.padding=0",
                "encryption.key=key-file:x;encryption.none=hunter2",
                "encryption.padding=256",
                "encryption.former-key=key-file:x"
            })
    @DisplayName(
            "R76 invalid properties are refused, and a secret that was put into one by mistake is not in the message")
    void properties_invalid(String properties) {
        Map<String, String> map = Arrays.stream(properties.split(";", -1))
                .collect(Collectors.toMap(p -> p.substring(0, p.indexOf('=')), p -> p.substring(p.indexOf('=') + 1)));
        assertThatThrownBy(() -> new EncryptionProperties().sealing(map))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageNotContaining("hunter2");
    }
}
