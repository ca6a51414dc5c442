package dev.keystore.mapdb;

import java.io.Closeable;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Entries in ascending order of their keys. */
interface EntrySource extends Closeable {

    /** Returns the next entry, or {@code null} after the last one. */
    @Nullable
    FileEntry next() throws IOException;
}
