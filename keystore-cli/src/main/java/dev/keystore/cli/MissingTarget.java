package dev.keystore.cli;

import dev.keystore.EntryId;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextListing;
import java.util.Optional;
import java.util.stream.Stream;

/** What a dry run compares the source with if the target does not exist: it holds nothing, and is never written. */
final class MissingTarget implements ContextAwareBackend, ContextListing {

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        return Optional.empty();
    }

    @Override
    public Stream<EntryId> list(String context) {
        return Stream.empty();
    }

    @Override
    public Stream<String> contexts() {
        return Stream.empty();
    }

    @Override
    public void save(String context, String type, String id, byte[] value) {
        throw new UnsupportedOperationException("A dry run writes nothing");
    }

    @Override
    public void delete(String context, String type, String id) {
        throw new UnsupportedOperationException("A dry run writes nothing");
    }

    @Override
    public void close() {}
}
