package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.read.ListAppender;
import dev.keystore.AppStateSyncVersion;
import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryExistsException;
import dev.keystore.KeyPair;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.LockTimeoutException;
import dev.keystore.OwnershipLostException;
import dev.keystore.RollbackFailedException;
import dev.keystore.SignedPreKey;
import dev.keystore.TcToken;
import dev.keystore.TransactionConflictException;
import dev.keystore.Updates;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** Searches for the bytes of a value in everything that the engine prints. */
@Timeout(60)
class SecrecyTest {

    /** Text, so that it is also found as text, and long enough that no message contains six bytes of it by accident. */
    private static final String SECRET = "q7Zk#Wv9~secret~Xj2";

    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private final Logger logger = (Logger) LoggerFactory.getLogger("dev.keystore");
    private final List<String> thrown = new ArrayList<>();

    @BeforeEach
    void capture() {
        logger.setLevel(Level.TRACE);
        logger.setAdditive(false);
        log.start();
        logger.addAppender(log);
    }

    @AfterEach
    void release() {
        logger.detachAppender(log);
        logger.setAdditive(true);
        logger.setLevel(null);
    }

    /** Returns the first six bytes of the secret in all common notations for bytes. */
    private static List<String> traces() {
        byte[] six = Arrays.copyOf(bytes(SECRET), 6);
        List<String> traces = new ArrayList<>();
        traces.add(new String(six, ISO_8859_1).toLowerCase(Locale.ROOT));
        for (String delimiter : List.of("", " ", ":", ", ", "-")) {
            traces.add(HexFormat.ofDelimiter(delimiter).formatHex(six));
        }
        traces.add(HexFormat.ofDelimiter(", ").withPrefix("0x").formatHex(six));
        String array = Arrays.toString(six);
        traces.add(array.substring(1, array.length() - 1));
        traces.add(array.replaceAll("[\\[\\] ]", ""));
        // In base64: for each alignment, the characters that do not depend on the surrounding bytes.
        for (int before = 0; before < 3; before++) {
            byte[] aligned = new byte[before + six.length];
            System.arraycopy(six, 0, aligned, before, six.length);
            String base64 = Base64.getEncoder().withoutPadding().encodeToString(aligned);
            int from = (before * 8 + 5) / 6;
            traces.add(base64.substring(from, (before + six.length) * 8 / 6).toLowerCase(Locale.ROOT));
        }
        return traces;
    }

    private static void assertSilent(String what, String text) {
        assertThat(text.toLowerCase(Locale.ROOT)).as(what).doesNotContain(traces());
    }

    @Test
    @DisplayName("R45 this test finds a value's bytes in every notation")
    void traces_ofSecret_findEachForm() {
        byte[] value = bytes("x" + SECRET + "y");
        for (String leak : List.of(
                new String(value, UTF_8),
                Arrays.toString(value),
                HexFormat.of().formatHex(value),
                HexFormat.ofDelimiter(":").withUpperCase().formatHex(value),
                Base64.getEncoder().encodeToString(value),
                Base64.getEncoder().encodeToString(bytes(SECRET)),
                Base64.getEncoder().encodeToString(bytes("xy" + SECRET)))) {
            assertThat(traces()).as(leak).anyMatch(leak.toLowerCase(Locale.ROOT)::contains);
        }
    }

    @Test
    @DisplayName("R45 value bytes never appear in toString")
    void toString_ofValues_showsNone() {
        byte[] secret = bytes(SECRET);
        KeyPair pair = new KeyPair(secret, secret);
        Mutation.Put put = new Mutation.Put("session", "x", secret);
        Updates updates = new Updates();
        updates.put(KeyTypes.SESSION, "x", secret);
        updates.put(KeyTypes.LID_MAPPING, "x", SECRET);
        Context context = new Context("alice", 0, new Envelope("alice"));
        List<Object> shown = new ArrayList<>(List.of(
                pair,
                new SignedPreKey(pair, secret, 1),
                new TcToken(secret, OptionalLong.of(1), OptionalLong.empty()),
                new AppStateSyncVersion(1, secret, Map.of(SECRET, secret)),
                put,
                new Batch("alice", 1, 1, List.of(put)),
                updates,
                Entry.encoded(new EntryKey(context, KeyTypes.SESSION, "x"), KeyTypes.SESSION, secret),
                Entry.encoded(new EntryKey(context, KeyTypes.LID_MAPPING, "x"), KeyTypes.LID_MAPPING, SECRET)));
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.alice.set(updates);
            fixture.alice.saveCredentials(secret);
            shown.addAll(List.of(fixture.database, fixture.alice, fixture.database.stats(), fixture.alice.readOnly()));
            shown.addAll(fixture.faults.calls());
            fixture.alice.useTransaction("k", tx -> {
                tx.put(KeyTypes.SESSION, "x", secret);
                shown.add(tx.toString());
            });
            shown.add(KeyTypes.all());
        }
        shown.forEach(value -> assertSilent(value.getClass().getName(), value.toString()));
    }

    /** Runs an action that must fail, and keeps everything printed about the failure. */
    private void fails(Class<? extends Exception> type, Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            assertThat(e).isInstanceOf(type);
            StringWriter printed = new StringWriter();
            e.printStackTrace(new PrintWriter(printed, true));
            thrown.add(printed.toString());
            if (e instanceof RollbackFailedException doubt) {
                thrown.add(doubt.entries().toString());
            }
            return;
        }
        throw new AssertionError("expected " + type);
    }

    /** On a backend without ownership, since one with ownership finds out an unknown outcome. */
    private void commitFails(byte[] secret, Moment moment, BackendException.Kind kind) {
        try (Fixture fixture = Fixture.of(Kind.GROUPING, options -> options.retry(3, Duration.ofMillis(1)))) {
            fixture.faults.on(Operation.COMMIT).times(3).fail(moment, kind);
            fails(
                    kind == BackendException.Kind.OUTCOME_UNKNOWN
                            ? CommitOutcomeUnknownException.class
                            : CommitFailedException.class,
                    () -> fixture.alice.put(KeyTypes.SESSION, "x", secret));
        }
    }

    @Test
    @DisplayName("R45 value bytes never appear in a log line or in the message of an exception or of its causes")
    void failures_ofEveryType_showNone() throws Exception {
        byte[] secret = bytes(SECRET);
        try (Fixture fixture = Fixture.of(
                Kind.COMPLETE, options -> options.retry(3, Duration.ofMillis(1)).lockTimeout(Duration.ofMillis(20)))) {
            fixture.alice.put(KeyTypes.SESSION, "x", secret);
            fixture.alice.saveCredentials(secret);
            lockTimeout(fixture);
            fails(EntryExistsException.class, () -> fixture.alice.insert(KeyTypes.SESSION, "x", secret));
            fails(
                    TransactionConflictException.class,
                    () -> fixture.alice.useTransaction("k", tx -> {
                        tx.find(KeyTypes.SESSION, "x");
                        fixture.alice.put(KeyTypes.SESSION, "x", bytes("other " + SECRET));
                        tx.put(KeyTypes.SESSION, "x", secret);
                    }));
            for (Moment moment : Moment.values()) {
                for (BackendException.Kind kind : BackendException.Kind.values()) {
                    commitFails(secret, moment, kind);
                }
            }
            fixture.faults.on(Operation.COMMIT).times(2).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);
            fixture.alice.put(KeyTypes.SESSION, "x", secret);
            fails(
                    IllegalArgumentException.class,
                    () -> fixture.alice.put(KeyTypes.LID_MAPPING, "x", SECRET + "\uD800"));
            fails(
                    IllegalArgumentException.class,
                    () -> fixture.alice.put(KeyTypes.SENDER_KEY_MEMORY, "x", Map.of(SECRET + "\uD800", true)));

            byte[] sealed = fixture.stored(KeyTypes.SESSION, "x").orElseThrow();
            try (Fixture cold = fixture.reopen()) {
                List<byte[]> damages = List.of(
                        secret,
                        Arrays.copyOf(sealed, sealed.length - 1),
                        Envelope.seal("alice", "session", "y", secret));
                for (byte[] damage : damages) {
                    cold.plant("session", "x", damage);
                    fails(CorruptEntryException.class, () -> cold.find("x"));
                    fails(CorruptEntryException.class, () -> cold.alice.get(KeyTypes.SESSION, List.of("x", "y")));
                }
                for (String type : List.of("pre-key", "signed-pre-key", "tc-token", "app-state-sync-version")) {
                    cold.plant(type, "x", Envelope.seal("alice", type, "x", secret));
                }
                byte[] illFormed = new byte[] {0, 0, 0, 2, (byte) 0xC0, (byte) 0x80};
                cold.plant("device-list", "x", Envelope.seal("alice", "device-list", "x", illFormed));
                cold.plant("lid-mapping", "x", Envelope.seal("alice", "lid-mapping", "x", join(secret, illFormed)));
                fails(CorruptEntryException.class, () -> cold.alice.find(KeyTypes.PRE_KEY, "x"));
                fails(CorruptEntryException.class, () -> cold.alice.find(KeyTypes.SIGNED_PRE_KEY, "x"));
                fails(CorruptEntryException.class, () -> cold.alice.find(KeyTypes.TC_TOKEN, "x"));
                fails(CorruptEntryException.class, () -> cold.alice.find(KeyTypes.APP_STATE_SYNC_VERSION, "x"));
                fails(CorruptEntryException.class, () -> cold.alice.find(KeyTypes.DEVICE_LIST, "x"));
                fails(CorruptEntryException.class, () -> cold.alice.find(KeyTypes.LID_MAPPING, "x"));
                assertSilent("verify", cold.alice.verify().toString());
                cold.faults.on(Operation.LOAD).fail(Moment.AFTER, BackendException.Kind.PERMANENT);
                fails(LoadFailedException.class, cold.alice::credentials);
            }
            fails(OwnershipLostException.class, () -> fixture.alice.put(KeyTypes.SESSION, "x", secret));
        }
        rollbackFailure(secret);

        assertThat(thrown).hasSizeGreaterThan(25);
        thrown.forEach(text -> assertSilent("exception", text));
        assertThat(log.list).as("log lines at TRACE").isNotEmpty();
        logger.detachAppender(log); // threads of other tests may still log
        for (ILoggingEvent event : log.list) {
            assertSilent("log line", event.getFormattedMessage());
            if (event.getThrowableProxy() != null) {
                assertSilent("log line", ThrowableProxyUtil.asString(event.getThrowableProxy()));
            }
        }
    }

    private static byte[] join(byte[] first, byte[] second) {
        byte[] joined = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, joined, first.length, second.length);
        return joined;
    }

    private void lockTimeout(Fixture fixture) throws Exception {
        CountDownLatch held = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Threads.Running<Boolean> holder = Threads.start(() -> fixture.alice.transaction("k", tx -> {
            held.countDown();
            return release.await(Threads.DEADLINE_SECONDS, TimeUnit.SECONDS);
        }));
        assertThat(held.await(Threads.DEADLINE_SECONDS, TimeUnit.SECONDS)).isTrue();
        fails(LockTimeoutException.class, () -> fixture.alice.useTransaction("k", tx -> {}));
        release.countDown();
        assertThat(holder.result()).isTrue();
    }

    private void rollbackFailure(byte[] secret) {
        try (Fixture fixture = Fixture.of(Kind.MINIMAL)) {
            fixture.alice.put(KeyTypes.SESSION, "x", secret);
            Updates updates = new Updates();
            updates.put(KeyTypes.SESSION, "x", bytes("other " + SECRET));
            updates.put(KeyTypes.SESSION, "y", secret);
            fixture.faults.on(Operation.SAVE).nth(2).forever().fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);
            fails(RollbackFailedException.class, () -> fixture.alice.set(updates));
            fixture.faults.heal();
            fails(KeyStoreException.class, () -> fixture.find("x"));
        }
    }
}
