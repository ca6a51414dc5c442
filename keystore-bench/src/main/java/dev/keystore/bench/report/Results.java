package dev.keystore.bench.report;

import dev.keystore.bench.Machine;
import dev.keystore.bench.Measurement;
import dev.keystore.bench.Variant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleBinaryOperator;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/** What came of a run. */
public record Results(Machine machine, String command, int rounds, long seed, List<Measurement> measurements) {

    /** Returns a figure of a variant over all rounds; nothing if it was not measured. */
    Optional<Spread> spread(Variant variant, ToDoubleFunction<Measurement> figure) {
        return spread(of(variant).stream().map(figure::applyAsDouble).toList());
    }

    /** Returns a figure of one variant and the same of another, put together round by round. */
    Optional<Spread> compare(
            Variant one, Variant other, ToDoubleFunction<Measurement> figure, DoubleBinaryOperator together) {
        return compare(of(one), of(other), figure, together);
    }

    /** Returns how often the score of one variant is that of another, both as multiples of the fsync rate if durable. */
    Optional<Spread> ratio(Variant one, Variant other) {
        return compare(one, other, Measurement::relative, (a, b) -> a / b);
    }

    /** Returns how often the score of a variant is what it was before. */
    Optional<Spread> ratioToBefore(Variant variant, ToDoubleFunction<Measurement> figure) {
        List<Measurement> before = select(one -> one.before() && one.variant().equals(variant));
        return compare(of(variant), before, figure, (a, b) -> a / b);
    }

    private Optional<Spread> compare(
            List<Measurement> ones,
            List<Measurement> others,
            ToDoubleFunction<Measurement> figure,
            DoubleBinaryOperator together) {
        List<Double> compared = new ArrayList<>();
        for (Measurement one : ones) {
            others.stream()
                    .filter(other -> other.round() == one.round())
                    .forEach(other -> compared.add(
                            together.applyAsDouble(figure.applyAsDouble(one), figure.applyAsDouble(other))));
        }
        return spread(compared);
    }

    private static Optional<Spread> spread(List<Double> values) {
        List<Double> known = values.stream().filter(value -> !value.isNaN()).toList();
        return known.isEmpty() ? Optional.empty() : Optional.of(Spread.of(known));
    }

    /** Returns the variants that were measured, in the order of their first measurement's round and turn. */
    List<Variant> variants() {
        return measurements.stream().map(Measurement::variant).distinct().toList();
    }

    /** Returns the median of the fsync rates, in fsyncs a second; nothing if nothing durable was measured. */
    Optional<Spread> fsyncRate() {
        return spread(select(one -> one.variant().work().isDurable()).stream()
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
