package dev.keystore.core.modelbased;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryExistsException;
import dev.keystore.KeyOperations;
import dev.keystore.KeyOperations.OnExisting;
import dev.keystore.KeyTypes;
import dev.keystore.TransactionConflictException;
import dev.keystore.Updates;
import dev.keystore.core.modelbased.Model.Cell;
import dev.keystore.core.modelbased.Model.View;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** The steps of a program. Each calls a store and records in the view what it read and wrote. */
final class Steps {

    private Steps() {}

    record Find(Cell cell) implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
            view.saw(cell, cell.find(runner.pick(on)));
        }
    }

    record Get(String context, String type, List<String> ids) implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
            Map<Cell, String> seen = new LinkedHashMap<>();
            ids.forEach(id -> seen.put(new Cell(context, type, id), Model.ABSENT));
            Set<String> found = new LinkedHashSet<>();
            if (type.equals(KeyTypes.LID_MAPPING.name())) {
                runner.pick(on).get(KeyTypes.LID_MAPPING, ids).forEach((id, value) -> {
                    found.add(id);
                    seen.put(new Cell(context, type, id), value);
                });
            } else {
                runner.pick(on).get(Model.bytesType(type), ids).forEach((id, value) -> {
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
        public void run(KeyOperations on, View view, Step.Runner runner) {
            List<String> found;
            try (Stream<String> ids = runner.pick(on).ids(Model.type(type), prefix)) {
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

    record Put(Cell cell, Step.Size size) implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
            String value = runner.value(size);
            view.intention = () -> view.write(cell, value);
            if (cell.isCredentials()) {
                on.saveCredentials(value.getBytes(UTF_8));
            } else {
                cell.put(on, value);
            }
            view.write(cell, value);
        }
    }

    record Delete(Cell cell) implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
            view.intention = () -> view.write(cell, Model.ABSENT);
            on.delete(Model.type(cell.type()), cell.id());
            view.write(cell, Model.ABSENT);
        }
    }

    /** Several changes in one commit; {@code deletes} come after {@code puts} and may undo them. */
    record SetAll(List<Cell> puts, List<Cell> deletes) implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
            Updates updates = new Updates();
            Map<Cell, String> changes = new LinkedHashMap<>();
            puts.forEach(cell -> {
                changes.put(cell, runner.value(Step.Size.UNIQUE));
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
        public void run(KeyOperations on, View view, Step.Runner runner) {
            String value = runner.value(Step.Size.UNIQUE);
            view.intention = () -> {
                view.saw(cell, Model.ABSENT);
                view.write(cell, value);
            };
            if (cell.textual()) {
                on.insert(KeyTypes.LID_MAPPING, cell.id(), value);
            } else {
                on.insert(Model.bytesType(cell.type()), cell.id(), value.getBytes(UTF_8));
            }
            view.intention.run();
        }
    }

    record Take(Cell cell) implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
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
        public void run(KeyOperations on, View view, Step.Runner runner) {
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
        public void run(KeyOperations on, View view, Step.Runner runner) {
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
        public void run(KeyOperations on, View view, Step.Runner runner) {
            throw new IllegalStateException("a transaction cannot be part of another");
        }
    }

    record Nested(Set<String> lockKeys, List<Step> body, boolean caught) implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
            Map<Cell, String> writesBefore = new LinkedHashMap<>(view.writes);
            Set<String> keptBefore = view.kept;
            boolean returned = false;
            try {
                returned = on.transaction(lockKeys, tx -> {
                    body.forEach(step -> runner.perform(step, tx, view));
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

    /** A commit through the store from inside a transaction, in the first attempt of the transaction only. */
    record Foreign(String context, Step step) implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
            runner.commitOutside(context, step);
        }
    }

    record Fail() implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
            throw new Planned();
        }
    }

    /** The exception that a transaction's work throws in a {@link Fail} step. */
    static final class Planned extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** Makes the backend fail; run outside of transactions, as are the steps below. */
    record Plan(Operation operation, int nth, int times, Moment moment, BackendException.Kind kind) implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
            runner.database()
                    .faults()
                    .on(operation)
                    .nth(nth)
                    .times(times)
                    .fail(moment, () -> runner.database().failure(kind));
        }
    }

    record Heal() implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
            runner.database().faults().heal();
        }
    }

    record CleanUp() implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
            runner.database().cleanUp();
        }
    }

    record Reopen() implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
            runner.database().reopen(runner.database().setup().cacheBytes());
        }
    }

    /** A single operation on the store of a context. */
    record InContext(String context, Step step) implements Step {
        @Override
        public void run(KeyOperations on, View view, Step.Runner runner) {
            throw new IllegalStateException("the runner unwraps this step");
        }

        @Override
        public String toString() {
            return context + " " + step;
        }
    }
}
