package dev.keystore.torture.child;

import dev.keystore.core.CopyReport;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreCopy;

/** A process that copies a database. It prints {@code start}, and how many contexts it has copied and found. */
public final class StoreCopyChild {

    private StoreCopyChild() {}

    /** Runs with the URLs of source and target, and the property {@code encryption.key} of the target or nothing. */
    public static void main(String[] args) {
        SignalKeyDatabase.Builder to = SignalKeyDatabase.builder().url(args[1]);
        if (args.length > 2) {
            to.property("encryption.key", args[2]).property("encryption.names", "hidden");
        }
        try (SignalKeyDatabase source = SignalKeyDatabase.open(args[0]);
                SignalKeyDatabase target = to.open()) {
            print("start");
            CopyReport report = StoreCopy.from(source).to(target).run();
            print(report.contexts(Outcome.COPIED) + " " + report.contexts(Outcome.ALREADY_THERE));
        }
    }

    private static void print(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
