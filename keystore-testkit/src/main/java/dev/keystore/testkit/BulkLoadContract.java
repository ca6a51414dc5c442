package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.ContextAwareBackend;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Several entries are loaded in one call. */
abstract class BulkLoadContract extends Contract {

    BulkLoadContract(BackendFixture fixture) {
        super(fixture);
    }

    @BeforeEach
    final void requireCapability() {
        backend().require(BulkLoad.class);
    }

    @Test
    @DisplayName("R1 a bulk load returns exactly the entries that exist")
    void loadAll_someAbsent_returnsThoseThatExist() {
        save("1", "2", "3");
        entries().save(CONTEXT, TYPE, "empty", new byte[0]);

        assertLoads(List.of("1", "absent", "3", "empty", "10"), Map.of("1", "1", "3", "3", "empty", ""));
        assertLoads(List.of("2"), Map.of("2", "2"));
        assertLoads(List.of("absent"), Map.of());
    }

    @Test
    @DisplayName("R1 a bulk load accepts forty thousand ids")
    void loadAll_manyIds_returnsThoseThatExist() {
        List<String> ids =
                IntStream.range(0, 40_000).mapToObj(Integer::toString).toList();
        save("0", "19999", "32767", "39999", "40000");

        assertLoads(ids, Map.of("0", "0", "19999", "19999", "32767", "32767", "39999", "39999"));
    }

    @Test
    @DisplayName("R1 a bulk load returns the latest values and no deleted entries")
    void loadAll_afterWrites_isUpToDate() {
        save("1", "2");
        assertLoads(List.of("1", "2", "3"), Map.of("1", "1", "2", "2"));
        entries().save(CONTEXT, TYPE, "1", bytes("new"));
        entries().delete(CONTEXT, TYPE, "2");
        entries().save(CONTEXT, TYPE, "3", bytes("new"));

        assertLoads(List.of("1", "2", "3"), Map.of("1", "new", "3", "new"));
    }

    @Test
    @DisplayName("R8 a bulk load matches ids exactly, whatever characters they contain")
    void loadAll_specialIds_areLiteral() {
        List<String> ids = UnusualNames.ofContexts();
        save("only this");
        assertLoads(ids, Map.of());
        save(ids.toArray(String[]::new));

        Map<String, byte[]> found = loadAll(ids);
        assertThat(found).hasSameSizeAs(ids);
        ids.forEach(id -> assertThat(found.get(id)).as(UnusualNames.show(id)).isEqualTo(bytes(id)));
    }

    @Test
    @DisplayName("R8 a bulk load returns only entries of the requested type")
    void loadAll_oneType_returnsNoOther() {
        entries().save(CONTEXT, "other", "1", bytes("value"));

        assertLoads(List.of("1"), Map.of());
    }

    @Test
    @DisplayName("R50 a bulk load returns only entries of the requested context")
    void loadAll_oneContext_returnsNoOther() {
        backend().require(ContextAwareBackend.class);
        entries().save(CONTEXT + "2", TYPE, "1", bytes("value"));

        assertLoads(List.of("1"), Map.of());
    }

    @Test
    @DisplayName("R5 changing an array from a bulk load does not change the stored value")
    void loadAll_arrayChangedLater_changesNothing() {
        save("1");
        Arrays.fill(loadAll(List.of("1")).get("1"), (byte) 0);

        assertLoads(List.of("1"), Map.of("1", "1"));
    }

    private void save(String... ids) {
        backend().putAll(CONTEXT, Arrays.stream(ids).map(id -> put(id, id)).toList());
    }

    private Map<String, byte[]> loadAll(Collection<String> ids) {
        return backend().require(BulkLoad.class).loadAll(CONTEXT, TYPE, ids);
    }

    private void assertLoads(Collection<String> ids, Map<String, String> expected) {
        Map<String, byte[]> found = loadAll(ids);
        assertThat(found.keySet()).isEqualTo(expected.keySet());
        expected.forEach((id, value) -> assertThat(found.get(id)).as(id).isEqualTo(bytes(value)));
    }
}
