package dev.keystore.core;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryExistsException;
import dev.keystore.KeyOperations;
import dev.keystore.KeyOperations.OnExisting;
import dev.keystore.KeyTypes;
import dev.keystore.TransactionConflictException;
import dev.keystore.Updates;
import dev.keystore.core.Model.Cell;
import dev.keystore.core.Model.View;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** A program: how the store is set up, and what each thread does with it. Made of a seed. */
record Program(Setup setup, List<List<Program.Step>> threads) {

    private static final List<String> IDS = List.of("a", "a.1", "A", "b%", "c_");
    private static final List<Fixture.Kind> CONCURRENT = List.of(
            Fixture.Kind.COMPLETE,
            Fixture.Kind.COMPLETE,
            Fixture.Kind.GROUPING,
            Fixture.Kind.ATOMIC,
            Fixture.Kind.PLAIN);

    record Setup(Fixture.Kind kind, List<String> contexts, long cacheBytes, int groupSize, boolean delays) {}

    /** One thing that a thread does, alone or in a transaction. */
    sealed interface Step {

        /** Does it, and tells the view what it showed and changed. */
        void run(KeyOperations on, View view, Run run);
    }

    enum Size {
        UNIQUE,
        LONG,
        EMPTY,
        SAME
    }

    record Find(Cell cell) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            view.saw(cell, cell.find(run.pick(on)));
        }
    }

    record Get(String context, String type, List<String> ids) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            Map<Cell, String> seen = new LinkedHashMap<>();
            ids.forEach(id -> seen.put(new Cell(context, type, id), Model.ABSENT));
            Set<String> found = new LinkedHashSet<>();
            if (type.equals(KeyTypes.LID_MAPPING.name())) {
                run.pick(on).get(KeyTypes.LID_MAPPING, ids).forEach((id, value) -> {
                    found.add(id);
                    seen.put(new Cell(context, type, id), value);
                });
            } else {
                run.pick(on).get(Model.bytesType(type), ids).forEach((id, value) -> {
                    found.add(id);
                    seen.put(new Cell(context, type, id), Model.text(value));
                });
            }
            List<String> inOrder =
                    ids.stream().distinct().filter(found::contains).toList();
            Model.check(inOrder.equals(List.copyOf(found)), "{} came back in the order {}", ids, found);
            view.saw(seen);
        }
    }

    record Ids(String context, String type, String prefix) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            List<String> found;
            try (Stream<String> ids = run.pick(on).ids(Model.type(type), prefix)) {
                found = ids.sorted().toList();
            }
            if (view.exact()) {
                List<String> expected = view.applyTo(view.committed()).keySet().stream()
                        .filter(cell -> cell.context().equals(context)
                                && cell.type().equals(type)
                                && cell.id().startsWith(prefix))
                        .map(Cell::id)
                        .sorted()
                        .toList();
                Model.check(expected.equals(found), "ids {} expected, were {}", expected, found);
            }
        }
    }

    record Put(Cell cell, Size size) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            String value = run.value(size);
            view.intention = () -> view.write(cell, value);
            if (cell.isCredentials()) {
                on.saveCredentials(value.getBytes(java.nio.charset.StandardCharsets.UTF_8));
            } else {
                cell.put(on, value);
            }
            view.write(cell, value);
        }
    }

    record Delete(Cell cell) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            view.intention = () -> view.write(cell, Model.ABSENT);
            on.delete(Model.type(cell.type()), cell.id());
            view.write(cell, Model.ABSENT);
        }
    }

    /** Several changes as one; {@code deletes} are made after {@code puts}, and may undo them. */
    record SetAll(List<Cell> puts, List<Cell> deletes) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            Updates updates = new Updates();
            Map<Cell, String> changes = new LinkedHashMap<>();
            puts.forEach(cell -> {
                changes.put(cell, run.value(Size.UNIQUE));
                cell.put(updates, changes.get(cell));
            });
            deletes.forEach(cell -> {
                changes.put(cell, Model.ABSENT);
                updates.delete(Model.type(cell.type()), cell.id());
            });
            view.intention = () -> changes.forEach(view::write);
            on.set(updates);
            view.intention.run();
        }
    }

    record Insert(Cell cell) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            String value = run.value(Size.UNIQUE);
            view.intention = () -> {
                view.saw(cell, Model.ABSENT);
                view.write(cell, value);
            };
            if (cell.textual()) {
                on.insert(KeyTypes.LID_MAPPING, cell.id(), value);
            } else {
                on.insert(
                        Model.bytesType(cell.type()),
                        cell.id(),
                        value.getBytes(java.nio.charset.StandardCharsets.UTF_8));
            }
            view.intention.run();
        }
    }

    record Take(Cell cell) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            view.intention = () -> {
                view.saw(cell, Model.PRESENT);
                view.write(cell, Model.ABSENT);
            };
            String taken = cell.textual()
                    ? on.take(KeyTypes.LID_MAPPING, cell.id()).orElse(Model.ABSENT)
                    : on.take(Model.bytesType(cell.type()), cell.id())
                            .map(Model::text)
                            .orElse(Model.ABSENT);
            view.saw(cell, taken);
            if (!taken.equals(Model.ABSENT)) {
                view.write(cell, Model.ABSENT);
            }
        }
    }

    record Move(Cell from, Cell to, boolean replace) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            if (on.inTransaction() && !view.exact()) {
                view.saw(from, from.find(on));
            }
            view.intention = () -> {
                view.saw(from, Model.PRESENT);
                if (!replace) {
                    view.saw(to, Model.ABSENT);
                }
                String known = view.known(from);
                view.write(to, known.equals(Model.PRESENT) ? "@" + from.id() : known);
                view.write(from, Model.ABSENT);
            };
            OnExisting onExisting = replace ? OnExisting.REPLACE : OnExisting.REFUSE;
            try {
                boolean moved = on.move(Model.type(from.type()), from.id(), to.id(), onExisting);
                if (moved && !from.equals(to)) {
                    view.intention.run();
                } else {
                    view.saw(from, moved ? Model.PRESENT : Model.ABSENT);
                }
            } catch (EntryExistsException e) {
                view.saw(from, Model.PRESENT);
                view.saw(to, Model.PRESENT);
            } catch (CorruptEntryException e) {
                Cell damaged = Cell.of(e.context(), e.entry());
                if (!damaged.equals(from)) {
                    view.saw(from, Model.PRESENT);
                }
                view.sawDamaged(damaged);
            }
        }
    }

    record Clear(boolean erase) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            view.intention = () -> view.clear(erase ? Set.of() : Set.of("credentials"));
            if (erase) {
                on.erase();
            } else {
                on.clear();
            }
            view.intention.run();
        }
    }

    record Transact(String context, Set<String> lockKeys, int maxAttempts, List<Step> body) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            throw new IllegalStateException("a transaction is no part of another");
        }
    }

    record Nested(Set<String> lockKeys, List<Step> body, boolean caught) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            Map<Cell, String> writesBefore = new LinkedHashMap<>(view.writes);
            Set<String> keptBefore = view.kept;
            boolean returned = false;
            try {
                returned = on.transaction(lockKeys, tx -> {
                    body.forEach(step -> run.perform(step, tx, view));
                    return true;
                });
            } catch (Planned | TransactionConflictException e) {
                if (!caught) {
                    throw e;
                }
            } finally {
                if (!returned) {
                    view.writes = writesBefore;
                    view.kept = keptBefore;
                }
            }
        }
    }

    /** A commit of its own, through the store, from inside a transaction: in its first attempt only. */
    record Foreign(String context, Step step) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            run.foreign(this);
        }
    }

    record Fail() implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            throw new Planned();
        }
    }

    /** The failure of a transaction's own work. */
    static final class Planned extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** What a thread does outside of all transactions. */
    record Plan(Operation operation, int nth, int times, Moment moment, BackendException.Kind kind) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            run.world.faults.on(operation).nth(nth).times(times).fail(moment, () -> run.world.failure(kind));
        }
    }

    record Heal() implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            run.world.faults.heal();
        }
    }

    record CleanUp() implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            run.world.cleanUp();
        }
    }

    record Reopen() implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            run.world.reopen(run.world.setup.cacheBytes());
        }
    }

    /** A step with the context that it is about; of a step outside of all contexts, the first one. */
    record InContext(String context, Step step) implements Step {
        @Override
        public void run(KeyOperations on, View view, Run run) {
            throw new IllegalStateException("unwrapped by the run");
        }

        @Override
        public String toString() {
            return context + " " + step;
        }
    }

    static Program sequential(long seed) {
        return new Generator(seed, false).sequential();
    }

    static Program concurrent(long seed) {
        return new Generator(seed, true).concurrent();
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(setup.toString());
        for (int i = 0; i < threads.size(); i++) {
            text.append("\n thread ").append(i);
            threads.get(i).forEach(step -> text.append("\n  ").append(step));
        }
        return text.toString();
    }

    private static final class Generator {

        private final Random random;
        private final boolean concurrent;
        private Setup setup;
        private boolean planned;

        Generator(long seed, boolean concurrent) {
            this.random = new Random(seed * 0x9E3779B97F4A7C15L);
            this.concurrent = concurrent;
        }

        private <T> T one(List<T> choices) {
            return choices.get(random.nextInt(choices.size()));
        }

        private boolean chance(int percent) {
            return random.nextInt(100) < percent;
        }

        Program sequential() {
            setup(one(List.of(Fixture.Kind.values())));
            return new Program(setup, List.of(steps(10 + random.nextInt(40))));
        }

        Program concurrent() {
            setup(one(CONCURRENT));
            List<List<Step>> threads = new ArrayList<>();
            int count = 2 + random.nextInt(3);
            for (int i = 0; i < count; i++) {
                threads.add(steps(5 + random.nextInt(12)));
            }
            return new Program(setup, threads);
        }

        private void setup(Fixture.Kind kind) {
            List<String> contexts = kind == Fixture.Kind.MINIMAL
                    ? List.of(SignalKeyDatabase.DEFAULT_CONTEXT)
                    : chance(50) ? List.of("alice") : List.of("alice", "alic");
            setup = new Setup(
                    kind,
                    contexts,
                    one(List.of(0L, 300L, 1_000L, 3_000L, 1_000_000L)),
                    one(List.of(1, 2, 1_024)),
                    concurrent && chance(80));
        }

        private List<Step> steps(int count) {
            List<Step> steps = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                steps.add(top());
            }
            return steps;
        }

        private Step top() {
            String context = one(setup.contexts);
            int dice = random.nextInt(100);
            if (dice < 40) {
                return new Transact(
                        context,
                        lockKeys(chance(20) ? 2 : 1, concurrent ? 2 : 3),
                        chance(50) ? 1 : 2 + random.nextInt(2),
                        body(context, 1 + random.nextInt(7), 0));
            } else if (dice < 48) {
                return admin();
            }
            return new InContext(context, single(context));
        }

        private Step admin() {
            int dice = random.nextInt(10);
            if (dice < 2) {
                return new CleanUp();
            } else if (dice < 3) {
                return new Heal();
            } else if (dice < 4 && !concurrent) {
                return new Reopen();
            }
            return plan();
        }

        private Step plan() {
            boolean plain = setup.kind == Fixture.Kind.PLAIN || setup.kind == Fixture.Kind.MINIMAL;
            Operation operation = plain
                    ? one(List.of(Operation.LOAD, Operation.LIST, Operation.SAVE, Operation.SAVE, Operation.DELETE))
                    : one(List.of(Operation.LOAD, Operation.LIST, Operation.COMMIT, Operation.COMMIT));
            boolean reading = operation == Operation.LOAD || operation == Operation.LIST;
            if (concurrent && plain && !reading) {
                if (planned) {
                    return new CleanUp();
                }
                planned = true;
            }
            BackendException.Kind kind = one(
                    reading
                            ? List.of(BackendException.Kind.PERMANENT, BackendException.Kind.TRANSIENT)
                            : List.of(BackendException.Kind.values()));
            List<Moment> moments = kind == BackendException.Kind.OUTCOME_UNKNOWN
                    ? List.of(Moment.values())
                    : List.of(Moment.BEFORE, Moment.MIDWAY);
            int times = concurrent && plain ? 1 : chance(60) ? 1 : 1 + random.nextInt(5);
            return new Plan(operation, 1 + random.nextInt(4), times, one(moments), kind);
        }

        private Set<String> lockKeys(int count, int of) {
            Set<String> keys = new TreeSet<>();
            for (int i = 0; i < count; i++) {
                keys.add("lock " + random.nextInt(of));
            }
            return keys;
        }

        private List<Step> body(String context, int count, int depth) {
            List<Step> body = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                int dice = random.nextInt(100);
                if (dice < 8 && depth < 2) {
                    Set<String> keys = concurrent ? Set.of("lock 9") : lockKeys(1, 3);
                    body.add(new Nested(keys, body(context, 1 + random.nextInt(4), depth + 1), chance(70)));
                } else if (dice < 12 || (depth > 0 && i == count - 1 && dice < 50)) {
                    body.add(new Fail());
                } else if (dice < 22) {
                    String other = chance(80) ? context : one(setup.contexts);
                    body.add(new Foreign(other, single(other)));
                } else {
                    body.add(single(context));
                }
            }
            return body;
        }

        private Cell cell(String context) {
            // Most of what happens, happens to few entries.
            return chance(50)
                    ? new Cell(context, Model.TYPES.get(0), IDS.get(random.nextInt(2)))
                    : new Cell(context, one(Model.TYPES), one(IDS));
        }

        private List<Cell> cells(String context, int atMost) {
            Set<Cell> cells = new LinkedHashSet<>();
            int count = random.nextInt(atMost + 1);
            for (int i = 0; i < count; i++) {
                cells.add(cell(context));
            }
            return List.copyOf(cells);
        }

        private Step single(String context) {
            int dice = random.nextInt(100);
            Cell cell = cell(context);
            if (dice < 18) {
                return new Find(chance(10) ? Cell.credentialsOf(context) : cell);
            } else if (dice < 32) {
                List<String> ids = new ArrayList<>();
                int count = random.nextInt(5);
                for (int i = 0; i < count; i++) {
                    ids.add(one(IDS));
                }
                return new Get(context, cell.type(), ids);
            } else if (dice < 36) {
                return new Ids(context, cell.type(), one(List.of("", "a", "b%", "%")));
            } else if (dice < 56) {
                return new Put(
                        chance(10) ? Cell.credentialsOf(context) : cell,
                        chance(60) ? Size.UNIQUE : one(List.of(Size.values())));
            } else if (dice < 64) {
                return new Delete(cell);
            } else if (dice < 72) {
                return new SetAll(cells(context, 4), cells(context, 2));
            } else if (dice < 79) {
                return new Insert(cell);
            } else if (dice < 87) {
                return new Take(cell);
            } else if (dice < 95) {
                return new Move(cell, new Cell(context, cell.type(), one(IDS)), chance(40));
            }
            return new Clear(chance(30));
        }
    }
}
