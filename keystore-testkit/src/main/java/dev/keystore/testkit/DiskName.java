package dev.keystore.testkit;

/** A name in a folder. */
record DiskName(int folder, String name) {}
