package dev.keystore.bench.read;

/** The key that a user would write to keep several contexts and types in one map. */
record RecordKey(String context, String type, String id) {

    static RecordKey of(String id) {
        return new RecordKey("alice", "session", id);
    }
}
