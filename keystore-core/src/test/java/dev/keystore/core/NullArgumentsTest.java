package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.KeyOperations;
import dev.keystore.KeyOperations.OnExisting;
import dev.keystore.KeyOperations.VoidWork;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.KeyWriter;
import dev.keystore.SignalKeyStore;
import dev.keystore.Transaction;
import dev.keystore.TransactionOptions;
import dev.keystore.TransactionWork;
import dev.keystore.Updates;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.testkit.Call.Operation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The messages for null arguments, of every method. */
@Timeout(60)
class NullArgumentsTest {

    /** A valid argument for each parameter type; for String it is an existing id. */
    private static final Map<Class<?>, Object> VALID = Map.of(
            KeyType.class,
            KeyTypes.SESSION,
            Collection.class,
            List.of("fine"),
            Object.class,
            bytes("1"),
            byte[].class,
            bytes("1"),
            Updates.class,
            new Updates(),
            OnExisting.class,
            OnExisting.REPLACE,
            Set.class,
            Set.of("k"),
            TransactionOptions.class,
            TransactionOptions.DEFAULT,
            TransactionWork.class,
            (TransactionWork<Object, RuntimeException>) tx -> 1,
            VoidWork.class,
            (VoidWork<RuntimeException>) tx -> {});

    /** The name of each parameter type except String. */
    private static final Map<Class<?>, String> NAMES = Map.of(
            KeyType.class, "type",
            Collection.class, "ids",
            Object.class, "value",
            byte[].class, "credentials",
            Updates.class, "updates",
            OnExisting.class, "onExisting",
            Set.class, "lockKeys",
            TransactionOptions.class, "options",
            TransactionWork.class, "work",
            VoidWork.class, "work");

    private static List<Method> methods(Class<?>... interfaces) {
        return Stream.of(interfaces)
                .flatMap(type -> Stream.of(type.getDeclaredMethods()))
                .filter(method -> Modifier.isPublic(method.getModifiers()) && !method.isSynthetic())
                .toList();
    }

    private static String name(Method method, int parameter) {
        Class<?> type = method.getParameterTypes()[parameter];
        if (type != String.class) {
            return NAMES.get(type);
        }
        return switch (method.getName()) {
            case "ids" -> "idPrefix";
            case "move" -> parameter == 1 ? "from" : "to";
            case "transaction", "useTransaction" -> "lockKey";
            default -> "id";
        };
    }

    /** Calls each method of {@code on} with one null argument at a time; returns the number of calls. */
    private static int callWithNulls(Object on, List<Method> methods) {
        int calls = 0;
        for (Method method : methods) {
            Object[] arguments = Stream.of(method.getParameterTypes())
                    .map(type -> type == String.class ? "fine" : VALID.get(type))
                    .toArray();
            assertThat(arguments).as("arguments for %s", method).doesNotContainNull();
            for (int i = 0; i < arguments.length; i++) {
                Object[] withNull = arguments.clone();
                withNull[i] = null;
                assertThat(thrownBy(on, method, withNull))
                        .as("%s with null at %s", method, i)
                        .isInstanceOf(NullPointerException.class)
                        .hasMessage(name(method, i));
                calls++;
            }
        }
        return calls;
    }

    private static Throwable thrownBy(Object on, Method method, Object[] arguments) {
        Throwable thrown = catchThrowable(() -> method.invoke(on, arguments));
        return thrown instanceof InvocationTargetException wrapped ? wrapped.getCause() : thrown;
    }

    @Test
    @DisplayName("R8 each null argument of a store, a transaction, a reader and updates is refused with its name")
    void operation_nullArgument_namesIt() {
        List<Method> reading = methods(KeyReader.class);
        List<Method> operations = methods(KeyReader.class, KeyWriter.class, KeyOperations.class);
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.put("fine", "1");
            fixture.faults.forgetCalls();
            assertThat(callWithNulls(fixture.alice, operations)).isGreaterThan(25);
            assertThat(callWithNulls(fixture.alice, methods(SignalKeyStore.class)))
                    .isGreaterThan(7);
            assertThat(callWithNulls(fixture.alice.readOnly(), reading)).isEqualTo(6);
            fixture.alice.useTransaction("outer", tx -> {
                callWithNulls(tx, operations);
                callWithNulls(tx, methods(Transaction.class));
                callWithNulls(tx.readOnly(), reading);
            });
            callWithNulls(new Updates(), methods(KeyWriter.class));
            assertThatThrownBy(() -> new Updates().applyTo(null))
                    .isInstanceOf(NullPointerException.class)
                    .hasMessage("target");
            assertThat(fixture.faults.count(Operation.COMMIT)).isZero();
            assertThat(fixture.find("fine")).isEqualTo("1");
        }
    }

    @Test
    @DisplayName("R8 a null inside a list, a set or a value is refused with the name of that argument")
    void operation_nullWithin_namesTheArgument() {
        List<String> ids = Arrays.asList("fine", null);
        Set<String> lockKeys = Collections.singleton(null);
        Map<String, Boolean> nullFlag = Collections.singletonMap("bob.1", null);
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            for (int cached = 0; cached < 2; cached++) {
                assertThatThrownBy(() -> fixture.alice.get(KeyTypes.SESSION, ids))
                        .isInstanceOf(NullPointerException.class)
                        .hasMessage("ids must not contain null");
                fixture.find("fine");
            }
            fixture.alice.useTransaction(
                    "k",
                    tx -> assertThatThrownBy(() -> tx.get(KeyTypes.SESSION, ids))
                            .isInstanceOf(NullPointerException.class)
                            .hasMessage("ids must not contain null"));
            assertThatThrownBy(() -> fixture.alice.transaction(lockKeys, tx -> null))
                    .isInstanceOf(NullPointerException.class)
                    .hasMessage("lockKeys must not contain null");
            List<KeyWriter> writers = List.of(fixture.alice, new Updates());
            for (KeyWriter writer : writers) {
                assertThatThrownBy(() -> writer.put(KeyTypes.DEVICE_LIST, "fine", ids))
                        .isInstanceOf(NullPointerException.class)
                        .hasMessage("value must not contain null");
                assertThatThrownBy(() -> writer.put(KeyTypes.SENDER_KEY_MEMORY, "fine", nullFlag))
                        .isInstanceOf(NullPointerException.class)
                        .hasMessage("value must not contain null");
            }
        }
    }

    @Test
    @DisplayName("R8 a null argument of the database, its builder and its options is refused with its name")
    void stores_nullArgument_namesIt() {
        Map<String, List<Runnable>> calls = new LinkedHashMap<>();
        SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder();
        calls.put("url", List.of(() -> SignalKeyDatabase.open(null), () -> builder.url(null)));
        calls.put("backend", List.of(() -> builder.backend(null)));
        calls.put("name", List.of(() -> builder.property(null, "value"), () -> KeyType.ofBytes(null)));
        calls.put("value", List.of(() -> builder.property("name", null)));
        calls.put("codec", List.of(() -> KeyType.of("name", null)));
        calls.put("options", List.of(() -> builder.options(null)));
        calls.put("delay", List.of(() -> builder.retry(5, null)));
        calls.put("encryption", List.of(() -> builder.encryption(null)));
        calls.put("listener", List.of(() -> builder.onOwnershipLost(null), () -> builder.listener(null)));
        KeyStoreOptions.Builder options = KeyStoreOptions.builder();
        calls.put("lockTimeout", List.of(() -> builder.lockTimeout(null), () -> options.lockTimeout(null)));
        calls.put("loadTimeout", List.of(() -> builder.loadTimeout(null), () -> options.loadTimeout(null)));
        calls.put("commitTimeout", List.of(() -> builder.commitTimeout(null), () -> options.commitTimeout(null)));
        calls.put("retryDelay", List.of(() -> options.retryDelay(null)));
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            calls.put(
                    "context",
                    List.of(
                            () -> fixture.database.forContext(null),
                            () -> fixture.database.forExistingContext(null),
                            () -> fixture.database.takeOver(null)));
            calls.forEach((argument, each) -> each.forEach(call -> assertThatThrownBy(call::run)
                    .as(argument)
                    .isInstanceOf(NullPointerException.class)
                    .hasMessage(argument)));
            assertThat(fixture.faults.calls()).isEmpty();
        }
    }
}
