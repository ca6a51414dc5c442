package dev.keystore.testkit;

/**
 * What a test of power loss has done.
 *
 * @param changes to files, as recorded
 * @param failures of calls that force files
 */
record PowerLossFigures(int stores, int changes, long acknowledgements, int failures, int states) {

    @Override
    public String toString() {
        return "%d stores, %d acknowledged commits, %d changes recorded%s, %d different states after power loss"
                .formatted(
                        stores,
                        acknowledgements,
                        changes,
                        failures == 0 ? "" : ", " + failures + " fsyncs failed",
                        states);
    }
}
