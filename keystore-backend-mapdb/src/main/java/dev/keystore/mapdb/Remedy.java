package dev.keystore.mapdb;

import dev.keystore.spi.BackendException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;

/** Says why the file system failed and what a user can do about it, for the end of a message. */
final class Remedy {

    private Remedy() {}

    /** Returns why an access to the folder failed, and what to do. */
    static String explain(Exception failure) {
        if (failure instanceof DamagedFileException || failure instanceof FileMovedException) {
            return String.valueOf(failure.getMessage());
        }
        return (failure instanceof BackendException ? failure.getMessage() : failure) + "; " + of(failure);
    }

    /**
     * Returns what to do about a failure. The operating system's texts depend on its language; for an unknown text,
     * this is a list of what to check.
     */
    static String of(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            String text = String.valueOf(cause.getMessage());
            if (cause instanceof AccessDeniedException denied) {
                return "make " + denied.getFile() + " readable and writable for this user";
            }
            if (text.contains("Permission denied")) {
                return "make the folder and its files readable and writable for this user";
            }
            if (cause instanceof NoSuchFileException missing) {
                return "check that the volume of " + missing.getFile() + " is mounted";
            }
            if (text.contains("No space left") || text.contains("quota exceeded")) {
                return "free some space";
            }
            if (text.contains("Too many open files")) {
                return "raise the limit of open files of this process";
            }
        }
        return "check the disk, its free space and the permissions of the folder";
    }
}
