package dev.keystore.bench.timeline;

import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The methods of a commit's way that are traced. */
enum TracedMethod {
    /** The whole of a commit, on its thread. */
    COMMIT("core.CommitPipeline", "commit"),
    /** Adds a commit to the queue, on its thread. */
    ADD("core.CommitQueue", "add"),
    /** The whole of a group, on its leader. */
    LEAD("core.CommitPipeline", "leadOneGroup"),
    /** Takes the group's commits from the queue. */
    TAKE("core.CommitQueue", "take"),
    /** Compares what its commits read with what is committed, and prepares what they write. */
    CHECK("core.GroupWriter", "checkAndBeginWriting"),
    /** Writes the group to the backend. */
    WRITE("core.Storage", "write"),
    /** Forces MapDB's journal, as a part of the write. */
    FORCE_JOURNAL("mapdb.Journal", "force"),
    /** Executes SQLite's COMMIT, which forces its log, as a part of the write. */
    COMMIT_SQLITE("jdbc.SqliteDialect", "commit"),
    /** Publishes what the group wrote to the cache. */
    PUBLISH("core.GroupWriter", "updateCache"),
    /** Ends the group's commits, and wakes their threads. */
    CONCLUDE("core.CommitPipeline", "conclude"),
    /** Offers the lead to the thread of the next commit, and wakes it. */
    HAND_OFF("core.CommitQueue", "handOff");

    private static final Map<String, TracedMethod> BY_NAME =
            Arrays.stream(values()).collect(Collectors.toMap(TracedMethod::toString, Function.identity()));

    private final String className;
    private final String method;

    TracedMethod(String className, String method) {
        this.className = "dev.keystore." + className;
        this.method = method;
    }

    static TracedMethod of(String className, String method) {
        TracedMethod found = BY_NAME.get(className + "::" + method);
        if (found == null) {
            throw new IllegalArgumentException("not traced: " + className + "::" + method);
        }
        return found;
    }

    /** Returns the filter of the event {@code jdk.MethodTrace} that matches all of them. */
    static String filter() {
        return Arrays.stream(values()).map(TracedMethod::toString).collect(Collectors.joining(";"));
    }

    String className() {
        return className;
    }

    String method() {
        return method;
    }

    /** Returns class and method as the event's filter names them. */
    @Override
    public String toString() {
        return className + "::" + method;
    }
}
