package dev.keystore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NullComponentsTest {

    private static final Map<Class<?>, Object> VALID = Map.of(
            String.class,
            "fine",
            byte[].class,
            new byte[1],
            long.class,
            1L,
            int.class,
            1,
            boolean.class,
            true,
            KeyPair.class,
            new KeyPair(new byte[1], new byte[1]),
            OptionalLong.class,
            OptionalLong.of(1),
            Map.class,
            Map.of(),
            List.class,
            List.of(),
            Set.class,
            Set.of());

    @ParameterizedTest
    @ValueSource(
            classes = {
                AppStateSyncVersion.class,
                EntryId.class,
                KeyPair.class,
                SignedPreKey.class,
                TcToken.class,
                TransactionOptions.class,
                BackendConfig.class,
                Batch.class,
                Mutation.Put.class,
                Mutation.Delete.class,
                Mutation.Clear.class
            })
    @DisplayName("R8 a null component of a record is refused with its name")
    void record_nullComponent_namesIt(Class<? extends Record> type) throws Exception {
        RecordComponent[] components = type.getRecordComponents();
        Class<?>[] types = Stream.of(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
        Constructor<?> constructor = type.getDeclaredConstructor(types);
        Object[] arguments = Stream.of(types).map(VALID::get).toArray();
        constructor.newInstance(arguments);
        for (int i = 0; i < arguments.length; i++) {
            if (!types[i].isPrimitive()) {
                Object[] withNull = arguments.clone();
                withNull[i] = null;
                assertThat(thrownBy(constructor, withNull))
                        .isInstanceOf(NullPointerException.class)
                        .hasMessage(components[i].getName());
            }
        }
    }

    private static Throwable thrownBy(Constructor<?> constructor, Object[] arguments) {
        Throwable thrown = catchThrowable(() -> constructor.newInstance(arguments));
        return thrown instanceof InvocationTargetException wrapped ? wrapped.getCause() : thrown;
    }

    @Test
    @DisplayName("R8 a null element of a component is refused with the component's name")
    void record_nullWithin_namesTheComponent() {
        Map<String, String> nullValue = new HashMap<>();
        nullValue.put("name", null);
        Map<String, byte[]> nullMac = new HashMap<>();
        nullMac.put("index", null);
        Map<String, List<Runnable>> calls = Map.of(
                "properties",
                List.of(
                        () -> new BackendConfig("a:b", nullValue),
                        () -> new BackendConfig("a:b", Collections.singletonMap(null, "value"))),
                "mutations",
                List.of(() -> new Batch("alice", 0, 1, Arrays.asList((Mutation) null))),
                "keptTypes",
                List.of(() -> new Mutation.Clear(Collections.singleton(null))),
                "valueMacs",
                List.of(
                        () -> new AppStateSyncVersion(1, new byte[1], nullMac),
                        () -> new AppStateSyncVersion(1, new byte[1], Collections.singletonMap(null, new byte[1]))));
        calls.forEach((component, each) -> each.forEach(call -> assertThatThrownBy(call::run)
                .isInstanceOf(NullPointerException.class)
                .hasMessage(component + " must not contain null")));
        assertThatThrownBy(() -> new BackendConfig("a:b", Map.of()).location(null))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("scheme");
    }
}
