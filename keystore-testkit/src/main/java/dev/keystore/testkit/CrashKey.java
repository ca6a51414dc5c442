package dev.keystore.testkit;

/** The context, type and id of an entry that a child process writes. */
record CrashKey(String context, String type, String id) {

    @Override
    public String toString() {
        return context + ", " + type + "/" + id;
    }
}
