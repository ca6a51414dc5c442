package dev.keystore.bench.report;

import dev.keystore.bench.Machine;
import dev.keystore.bench.Measurement;
import dev.keystore.bench.Variant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.ToDoubleBiFunction;
import java.util.function.ToDoubleFunction;

/**
 * The results of a run.
 *
 * @param machine the machine that it ran on
 * @param command the command that started it
 * @param rounds the number of rounds
 * @param seed the seed of the random order
 * @param measurements one for each measured variant and round
 */
public record Results(Machine machine, String command, int rounds, long seed, List<Measurement> measurements) {

    /** Returns a figure of a variant over all rounds; empty if it was not measured. */
    Optional<Spread> spread(Variant variant, ToDoubleFunction<Measurement> figure) {
        return spread(of(variant).stream().map(figure::applyAsDouble).toList());
    }

    /** Returns a figure of two variants, round by round. */
    Optional<Spread> compare(Variant one, Variant other, ToDoubleBiFunction<Measurement, Measurement> figure) {
        return compare(of(one), of(other), figure);
    }

    /** Returns the ratio of two variants' scores. */
    Optional<Spread> ratio(Variant one, Variant other) {
        return compare(one, other, (a, b) -> a.score() / b.score());
    }

    /** Returns the ratio of a variant's figure to that of the earlier build. */
    Optional<Spread> ratioToBefore(Variant variant, ToDoubleFunction<Measurement> figure) {
        List<Measurement> before = select(one -> one.before() && one.variant().equals(variant));
        return compare(of(variant), before, (a, b) -> figure.applyAsDouble(a) / figure.applyAsDouble(b));
    }

    private Optional<Spread> compare(
            List<Measurement> ones, List<Measurement> others, ToDoubleBiFunction<Measurement, Measurement> figure) {
        List<Double> compared = new ArrayList<>();
        for (Measurement one : ones) {
            others.stream()
                    .filter(other -> other.round() == one.round())
                    .forEach(other -> compared.add(figure.applyAsDouble(one, other)));
        }
        return spread(compared);
    }

    private static Optional<Spread> spread(List<Double> values) {
        List<Double> known = values.stream().filter(value -> !value.isNaN()).toList();
        return known.isEmpty() ? Optional.empty() : Optional.of(Spread.of(known));
    }

    /** Returns the measured variants, in the order of their first measurement. */
    List<Variant> variants() {
        return measurements.stream().map(Measurement::variant).distinct().toList();
    }

    /** Returns the fsyncs per second of all probes; empty if no variant was bound by fsyncs. */
    Optional<Spread> fsyncRate() {
        return spread(select(one -> one.variant().workload().isDurable()).stream()
                .map(Measurement::fsyncRate)
                .toList());
    }

    private List<Measurement> of(Variant variant) {
        return select(one -> !one.before() && one.variant().equals(variant));
    }

    private List<Measurement> select(Predicate<Measurement> wanted) {
        return measurements.stream().filter(wanted).toList();
    }
}
