package dev.keystore.testkit;

/** A context, type and id that a child of a crash test writes to. */
record CrashKey(String context, String type, String id) {

    @Override
    public String toString() {
        return context + ", " + type + "/" + id;
    }
}
