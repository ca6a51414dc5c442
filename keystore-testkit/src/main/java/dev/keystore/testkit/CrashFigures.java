package dev.keystore.testkit;

import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The figures of a crash test. */
final class CrashFigures {

    private final Map<String, Integer> callsHit = new TreeMap<>();
    private int kills;
    private int killsWhileOpening;
    private int killsAtCalls;
    private int checks;
    private long acknowledgements;

    void add(CrashProcess child) {
        kills++;
        acknowledgements += child.acknowledgements();
        if (!child.isOpened()) {
            killsWhileOpening++;
        }
        if (child.isKilledAtSystemCall()) {
            killsAtCalls++;
        }
    }

    void addCall(String call) {
        callsHit.merge(call, 1, Integer::sum);
    }

    void addCheck() {
        checks++;
    }

    int killsAtCalls() {
        return killsAtCalls;
    }

    long acknowledgements() {
        return acknowledgements;
    }

    @Override
    public String toString() {
        String hit = callsHit.entrySet().stream()
                .map(call -> call.getKey() + " " + call.getValue())
                .collect(Collectors.joining(", "));
        return "%d kills (%d before the backend was open), %s%d acknowledged commits, %d checks"
                .formatted(
                        kills,
                        killsWhileOpening,
                        killsAtCalls == 0 ? "" : killsAtCalls + " of them at system calls (" + hit + "), ",
                        acknowledgements,
                        checks);
    }
}
