package dev.keystore.testkit;

/**
 * The figures of a power-loss test.
 *
 * @param stores the number of stores that were recorded
 * @param changes the number of recorded changes to files
 * @param acknowledgements the number of acknowledged commits
 * @param failedForces the number of calls that were to force a file and failed
 * @param states the number of different states after power loss that were checked
 */
record PowerLossFigures(int stores, int changes, long acknowledgements, int failedForces, int states) {

    @Override
    public String toString() {
        return "%d stores, %d acknowledged commits, %d changes recorded%s, %d different states after power loss"
                .formatted(
                        stores,
                        acknowledgements,
                        changes,
                        failedForces == 0 ? "" : ", " + failedForces + " fsyncs failed",
                        states);
    }
}
