package dev.keystore.testkit;

/**
 * What a process did to the files below a folder, one system call at a time, in the order in which the calls returned.
 *
 * <p>A node is a file or a folder, whatever its name at the moment.
 */
sealed interface DiskChange {

    /** A new file or folder. */
    record Create(int node, DiskName name, boolean isFolder) implements DiskChange {}

    /** A further name of a file. */
    record Link(int node, DiskName name) implements DiskChange {}

    /** A new name for a node, in place of the node that may have had it. */
    record Rename(DiskName from, DiskName to) implements DiskChange {}

    /** A name removed. */
    record Unlink(DiskName name) implements DiskChange {}

    /** Bytes written at a position. */
    record Write(int node, long offset, byte[] bytes) implements DiskChange {}

    /** A new size; what it adds is zeros. */
    record Resize(int node, long size) implements DiskChange {}

    /** A file mapped for writing: from now on its bytes change unseen. */
    record Mapping(int node) implements DiskChange {}

    /** The bytes of a mapped file once nothing changes it any more, or as they were when it was last forced. */
    record Settle(int node, byte[] bytes, boolean isForced) implements DiskChange {}

    /** A call that forces a node begins. What is written while it runs may not be covered by it. */
    record ForceBegin(int force, int node) implements DiskChange {}

    /** A call that forces a node returns. */
    record ForceEnd(int force, boolean isDone) implements DiskChange {}

    /** A line that the process is about to say: what it tells of has happened. */
    record Say(String line) implements DiskChange {}
}
