package dev.keystore.torture;

import dev.keystore.torture.child.GatewayChild;
import dev.keystore.torture.child.GatewayNetwork.Task;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/** What the users of a gateway do in an hour, as a seed determines it. */
final class GatewayScript {

    static final double SECONDS = 3_600;

    private static final int MEMBERS = 8;
    private static final int FEWEST_MEMBERS = 3;
    private static final double TO_GROUPS = 0.2;

    /**
     * A message that a user wants to send.
     *
     * @param second when
     * @param from the sender
     * @param task the message
     */
    record Sending(double second, String from, Task task) {}

    /**
     * A registration with a new identity.
     *
     * @param second when
     * @param account the account
     */
    record Registration(double second, String account) {}

    private final Random random;
    private final List<Sending> sendings = new ArrayList<>();
    private final List<Registration> registrations;
    private final List<String> accounts;

    GatewayScript(long seed, int accounts, int groups, int messages, int registrations, int leaves) {
        random = new Random(seed);
        this.accounts =
                IntStream.range(0, accounts).mapToObj(GatewayChild::name).toList();
        List<Group> all = newGroups(groups);
        List<Double> leaveTimes = times(leaves);
        for (double second : times(messages)) {
            while (!leaveTimes.isEmpty() && leaveTimes.get(0) <= second) {
                leaveTimes.remove(0);
                all.get(random.nextInt(groups)).leave();
            }
            String id = "m" + sendings.size();
            sendings.add(
                    random.nextDouble() < TO_GROUPS
                            ? all.get(random.nextInt(groups)).sending(second, id)
                            : sendingToOne(second, id));
        }
        this.registrations = times(registrations).stream()
                .map(second -> new Registration(second, oneOf(this.accounts)))
                .toList();
    }

    private List<Group> newGroups(int groups) {
        List<Group> all = new ArrayList<>();
        for (int i = 0; i < groups; i++) {
            all.add(new Group());
        }
        return all;
    }

    private List<Double> times(int count) {
        return new ArrayList<>(DoubleStream.generate(() -> random.nextDouble() * SECONDS)
                .limit(count)
                .sorted()
                .boxed()
                .toList());
    }

    private String oneOf(List<String> names) {
        return names.get(random.nextInt(names.size()));
    }

    private Sending sendingToOne(double second, String id) {
        String from = oneOf(accounts);
        String to = from;
        while (to.equals(from)) {
            to = oneOf(accounts);
        }
        return new Sending(second, from, new Task(id, null, 0, List.of(to)));
    }

    /** Returns the messages in the order of their times. */
    List<Sending> sendings() {
        return sendings;
    }

    /** Returns the registrations in the order of their times. */
    List<Registration> registrations() {
        return registrations;
    }

    private final class Group {

        private final UUID id = new UUID(random.nextLong(), random.nextLong());
        private final List<String> members = new ArrayList<>();
        private int epoch;

        Group() {
            while (members.size() < MEMBERS) {
                String name = oneOf(accounts);
                if (!members.contains(name)) {
                    members.add(name);
                }
            }
        }

        void leave() {
            if (members.size() > FEWEST_MEMBERS) {
                members.remove(random.nextInt(members.size()));
                epoch++;
            }
        }

        Sending sending(double second, String message) {
            String from = oneOf(members);
            List<String> others =
                    members.stream().filter(member -> !member.equals(from)).toList();
            return new Sending(second, from, new Task(message, id, epoch, others));
        }
    }
}
