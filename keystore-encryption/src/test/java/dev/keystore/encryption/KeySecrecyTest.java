package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.StoreSealing;
import java.io.ByteArrayOutputStream;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Keys stay out of texts and do not outlive what they belong to. */
class KeySecrecyTest {

    private static final byte[] VALUE = "the ratchet".getBytes(UTF_8);

    private final MemoryKey root = new MemoryKey();

    @Test
    @DisplayName("R76 keys are overwritten by close, and a closed store or context refuses to work")
    void close_overwrites() {
        StoreSealing store = Encryption.with(root).open(null);
        ContextSealing context = store.createContext("alice");
        ContextSealing rotated = context.rotated();
        byte[] record = context.seal("session", "x", VALUE);
        byte[] keys = context.keys();
        List<byte[]> held = keyBytes(store);
        List<byte[]> heldByContext = keyBytes(context);
        assertThat(held).hasSize(1).noneMatch(KeySecrecyTest::isZero);
        assertThat(heldByContext).hasSize(2).noneMatch(KeySecrecyTest::isZero);

        context.close();
        context.close();

        assertThat(heldByContext).filteredOn(KeySecrecyTest::isZero).hasSize(1);
        assertThatThrownBy(() -> context.seal("session", "x", VALUE)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> context.open("session", "x", record)).isInstanceOf(IllegalStateException.class);
        assertThat(rotated.open("session", "x", record)).isEqualTo(VALUE);

        store.close();
        store.close();

        assertThat(held).allMatch(KeySecrecyTest::isZero);
        assertThat(heldByContext).allMatch(KeySecrecyTest::isZero);
        assertThatThrownBy(() -> store.createContext("bob")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> store.openContext("alice", keys)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(store::withoutFormerKeys).isInstanceOf(IllegalStateException.class);
        assertThat(rotated.open("session", "x", record)).isEqualTo(VALUE);
        assertThatThrownBy(rotated::rotated).isInstanceOf(IllegalStateException.class);
    }

    @Test
    @DisplayName("R76 no byte of a key is in a text, and a key cannot be serialized")
    void texts() throws Exception {
        Encryption encryption = Encryption.with(root);
        StoreSealing store = encryption.open(null);
        ContextSealing context = store.createContext("alice");
        KeyRing ring = KeyRing.random(new SecureRandom());
        try (RootKey rootKey = new RootKey(root.key.clone())) {
            List<byte[]> secrets = new ArrayList<>(keyBytes(context));
            secrets.addAll(keyBytes(ring));
            secrets.add(root.key);
            for (Object object : List.of(
                    encryption,
                    store,
                    context,
                    ring,
                    ring.newest(),
                    ring.newest().key(),
                    rootKey)) {
                assertContainsNone(object.toString(), secrets);
            }
            assertThat(ring.newest().key()).hasToString("AesKey");
        }
        try (ObjectOutputStream out = new ObjectOutputStream(new ByteArrayOutputStream())) {
            assertThatThrownBy(() -> out.writeObject(ring.newest().key())).isInstanceOf(NotSerializableException.class);
        }
    }

    @Test
    @DisplayName("R76 sealing and marks contain no key in the clear")
    void stored() {
        StoreSealing store = Encryption.with(root).open(null);
        ContextSealing context = store.createContext("alice");
        List<byte[]> secrets = new ArrayList<>(keyBytes(context));
        secrets.add(root.key);
        for (byte[] bytes : List.of(store.mark(), context.keys(), context.seal("session", "x", VALUE))) {
            assertContainsNone(new String(bytes, ISO_8859_1), secrets);
        }
    }

    private static void assertContainsNone(String text, List<byte[]> secrets) {
        for (byte[] secret : secrets) {
            byte[] part = Arrays.copyOf(secret, 6);
            assertThat(text)
                    .doesNotContain(HexFormat.of().formatHex(part))
                    .doesNotContain(Base64.getEncoder().encodeToString(part))
                    .doesNotContain(Arrays.toString(part).substring(1, 12))
                    .doesNotContain(new String(part, ISO_8859_1));
        }
    }

    private static boolean isZero(byte[] bytes) {
        for (byte one : bytes) {
            if (one != 0) {
                return false;
            }
        }
        return true;
    }

    /** Returns the arrays of all keys that are reachable from an object, other than the root key. */
    private static List<byte[]> keyBytes(Object from) {
        List<byte[]> found = new ArrayList<>();
        collect(from, found, Collections.newSetFromMap(new IdentityHashMap<>()));
        return found;
    }

    private static void collect(Object object, List<byte[]> found, Set<Object> seen) {
        if (object == null || !seen.add(object)) {
            return;
        }
        if (object instanceof Collection<?> many) {
            many.forEach(one -> collect(one, found, seen));
        } else if (object.getClass().isArray()
                && !object.getClass().getComponentType().isPrimitive()) {
            for (int i = 0; i < Array.getLength(object); i++) {
                collect(Array.get(object, i), found, seen);
            }
        } else if (object.getClass().getPackageName().equals(KeySecrecyTest.class.getPackageName())) {
            for (Field field : object.getClass().getDeclaredFields()) {
                if (!Modifier.isStatic(field.getModifiers()) && !field.getType().isPrimitive()) {
                    field.setAccessible(true);
                    Object value = get(field, object);
                    if (object instanceof AesKey) {
                        found.add((byte[]) value);
                    } else {
                        collect(value, found, seen);
                    }
                }
            }
        }
    }

    private static Object get(Field field, Object object) {
        try {
            return field.get(object);
        } catch (IllegalAccessException e) {
            throw new AssertionError(e);
        }
    }
}
