package dev.keystore.libsignal;

/** What is known of the identity key that a remote device has shown. */
public enum IdentityStatus {
    /** The key was saved for the device before. */
    UNCHANGED,

    /** No key was saved for the device before. It is saved now. */
    NEW,

    /** Another key was saved for the device before. It is replaced now. Tell the user. */
    CHANGED
}
