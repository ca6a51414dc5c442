package dev.keystore.core.modelbased;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.modelbased.Model.Cell;
import dev.keystore.core.modelbased.Setup.BackendKind;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;

/** A program: the setup of a database, and the steps of each thread. Generated from a seed. */
record Program(Setup setup, List<List<Step>> threads) {

    private static final List<String> IDS = List.of("a", "a.1", "A", "b%", "c_");
    private static final List<BackendKind> CONCURRENT = List.of(
            BackendKind.COMPLETE, BackendKind.COMPLETE, BackendKind.GROUPING, BackendKind.ATOMIC, BackendKind.PLAIN);

    private static final List<BackendKind> IN_MEMORY = List.of(
            BackendKind.COMPLETE, BackendKind.GROUPING, BackendKind.ATOMIC, BackendKind.PLAIN, BackendKind.MINIMAL);

    static Program sequential(long seed) {
        return new Generator(seed, false).sequential(IN_MEMORY);
    }

    static Program concurrent(long seed) {
        return new Generator(seed, true).concurrent(CONCURRENT);
    }

    /** Returns a program for a real backend with encryption on. */
    static Program encrypted(long seed, boolean concurrent) {
        Generator generator = new Generator(seed, concurrent);
        List<BackendKind> real = List.of(BackendKind.REAL);
        return concurrent ? generator.concurrent(real) : generator.sequential(real);
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

        Program sequential(List<BackendKind> kinds) {
            setup(one(kinds));
            return new Program(setup, List.of(steps(10 + random.nextInt(40))));
        }

        Program concurrent(List<BackendKind> kinds) {
            setup(one(kinds));
            List<List<Step>> threads = new ArrayList<>();
            int count = 2 + random.nextInt(3);
            for (int i = 0; i < count; i++) {
                threads.add(steps(5 + random.nextInt(12)));
            }
            return new Program(setup, threads);
        }

        private void setup(BackendKind kind) {
            List<String> contexts = kind == BackendKind.MINIMAL
                    ? List.of(SignalKeyDatabase.DEFAULT_CONTEXT)
                    : chance(50) ? List.of("alice") : List.of("alice", "alic");
            boolean encrypted = chance(40) || kind == BackendKind.REAL;
            setup = new Setup(
                    kind,
                    contexts,
                    one(List.of(0L, 300L, 1_000L, 3_000L, 1_000_000L)),
                    one(List.of(1, 2, 1_024)),
                    concurrent && kind != BackendKind.REAL && chance(80),
                    encrypted,
                    encrypted && chance(50));
        }

        private List<Step> steps(int count) {
            List<Step> steps = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                steps.add(top());
            }
            return steps;
        }

        private Step top() {
            String context = one(setup.contexts());
            int dice = random.nextInt(100);
            if (dice < 40) {
                return new Steps.Transact(
                        context,
                        lockKeys(chance(20) ? 2 : 1, concurrent ? 2 : 3),
                        chance(50) ? 1 : 2 + random.nextInt(2),
                        body(context, 1 + random.nextInt(7), 0));
            } else if (dice < 48) {
                return admin();
            }
            return new Steps.InContext(context, single(context));
        }

        private Step admin() {
            int dice = random.nextInt(10);
            if (dice < 2) {
                return new Steps.CleanUp();
            } else if (dice < 3) {
                return new Steps.Heal();
            } else if (dice < 4 && !concurrent) {
                return new Steps.Reopen();
            }
            return plan();
        }

        private Step plan() {
            if (setup.kind() == BackendKind.REAL) {
                return concurrent ? new Steps.CleanUp() : new Steps.Reopen();
            }
            boolean plain = setup.kind() == BackendKind.PLAIN || setup.kind() == BackendKind.MINIMAL;
            // Without atomic commits, a save that is torn and not rolled back may concern the keys of a whole context.
            boolean one = plain && (concurrent || setup.encrypted());
            Operation operation = plain
                    ? one(List.of(Operation.LOAD, Operation.LIST, Operation.SAVE, Operation.SAVE, Operation.DELETE))
                    : one(List.of(Operation.LOAD, Operation.LIST, Operation.COMMIT, Operation.COMMIT));
            boolean reading = operation == Operation.LOAD || operation == Operation.LIST;
            if (one && !reading) {
                if (planned) {
                    return new Steps.CleanUp();
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
            int times = one ? 1 : chance(60) ? 1 : 1 + random.nextInt(5);
            return new Steps.Plan(operation, 1 + random.nextInt(4), times, one(moments), kind);
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
                    body.add(new Steps.Nested(keys, body(context, 1 + random.nextInt(4), depth + 1), chance(70)));
                } else if (dice < 12 || (depth > 0 && i == count - 1 && dice < 50)) {
                    body.add(new Steps.Fail());
                } else if (dice < 22) {
                    String other = chance(80) ? context : one(setup.contexts());
                    body.add(new Steps.Foreign(other, single(other)));
                } else {
                    body.add(single(context));
                }
            }
            return body;
        }

        private Cell cell(String context) {
            // Most steps concern few entries, so that they meet.
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
                return new Steps.Find(chance(10) ? Cell.credentialsOf(context) : cell);
            } else if (dice < 32) {
                List<String> ids = new ArrayList<>();
                int count = random.nextInt(5);
                for (int i = 0; i < count; i++) {
                    ids.add(one(IDS));
                }
                return new Steps.Get(context, cell.type(), ids);
            } else if (dice < 36) {
                return new Steps.Ids(context, cell.type(), one(List.of("", "a", "b%", "%")));
            } else if (dice < 56) {
                return new Steps.Put(
                        chance(10) ? Cell.credentialsOf(context) : cell,
                        chance(60) ? Step.Size.UNIQUE : one(List.of(Step.Size.values())));
            } else if (dice < 64) {
                return new Steps.Delete(cell);
            } else if (dice < 72) {
                return new Steps.SetAll(cells(context, 4), cells(context, 2));
            } else if (dice < 79) {
                return new Steps.Insert(cell);
            } else if (dice < 87) {
                return new Steps.Take(cell);
            } else if (dice < 95) {
                return new Steps.Move(cell, new Cell(context, cell.type(), one(IDS)), chance(40));
            }
            return new Steps.Clear(chance(30));
        }
    }
}
