package dev.keystore.libsignal.example;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.libsignal.AccountOptions;
import dev.keystore.libsignal.EntryIds;
import dev.keystore.libsignal.EntryIds.SenderKeyId;
import dev.keystore.libsignal.NextKeyIds;
import dev.keystore.libsignal.PreKeyCounts;
import dev.keystore.libsignal.SignalAccount;
import dev.keystore.libsignal.TrustPolicy;
import dev.keystore.spi.KeyStoreListener;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.SignalProtocolAddress;

@DisplayName("The example of an account")
class AccountExamplesTest extends Example {

    @Test
    @DisplayName("creates and opens one, with options and without")
    void create() {
        List<PreKeyCounts> low = new ArrayList<>();

        AccountOptions options = AccountOptions.builder()
                .localAddress(new SignalProtocolAddress("alice", 1))
                .onPreKeysLow(low::add)
                .build();
        SignalAccount alice = SignalAccount.create(database.forContext("alice"), options);
        SignalAccount again = SignalAccount.open(database.forContext("alice"), options);

        assertThat(again.identityKey()).isEqualTo(alice.identityKey());
        assertThat(again.registrationId()).isEqualTo(alice.registrationId());
        SignalAccount bob = SignalAccount.create(database.forContext("bob"));
        assertThat(SignalAccount.open(database.forContext("bob")).identityKey()).isEqualTo(bob.identityKey());
        SignalAccount.openOrCreate(database.forContext("carol"));
        SignalAccount.openOrCreate(database.forContext("dave"), options);
    }

    @Test
    @DisplayName("sets all options and reads them")
    void options() {
        AccountOptions options = AccountOptions.builder()
                .trust(TrustPolicy.ONE_PER_NAME)
                .clock(InstantSource.system())
                .preKeyBatch(200)
                .preKeyFloor(20)
                .rotateAfter(Duration.ofDays(2))
                .keepFormerFor(Duration.ofDays(14))
                .staleAfter(Duration.ofDays(30))
                .staleKept(400)
                .build();
        SignalAccount account = SignalAccount.create(database.forContext("alice"), options);

        AccountOptions read = account.options();
        assertThat(read.localAddress()).isEmpty();
        assertThat(read.trust()).isSameAs(TrustPolicy.ONE_PER_NAME);
        assertThat(read.clock().instant()).isNotNull();
        assertThat(List.of(read.preKeyBatch(), read.preKeyFloor(), read.staleKept()))
                .containsExactly(200, 20, 400);
        assertThat(read.onPreKeysLow()).isEmpty();
        assertThat(read.rotateAfter()).isLessThan(read.keepFormerFor()).isLessThan(read.staleAfter());
    }

    @Test
    @DisplayName("reports the numbers of pre-keys left to a listener, such as that of the metrics")
    void listener() {
        List<Integer> oneTimeLeft = new ArrayList<>();
        KeyStoreListener listener = new KeyStoreListener() {
            @Override
            public void onPreKeysCounted(int oneTime, int signed, int oneTimeKyber, int lastResortKyber) {
                oneTimeLeft.add(oneTime);
            }
        };
        AccountOptions options = AccountOptions.builder().listener(listener).build();

        SignalAccount alice = SignalAccount.create(database.forContext("alice"), options);
        alice.preKeys().replenish(0, 0);

        assertThat(alice.options().listener()).containsSame(listener);
        assertThat(oneTimeLeft).last().isEqualTo(100);
    }

    @Test
    @DisplayName("imports one, and registers it again later")
    void importAccount() {
        AccountOptions options = AccountOptions.DEFAULT;
        IdentityKeyPair identity = IdentityKeyPair.generate();
        int registrationId = 4711;

        NextKeyIds next = new NextKeyIds(501, 7, 301);
        SignalAccount alice =
                SignalAccount.importAccount(database.forContext("alice"), options, identity, registrationId, next);

        assertThat(alice.identityKey()).isEqualTo(identity.getPublicKey());
        assertThat(alice.generatePreKeys(1).get(0).getId()).isEqualTo(next.preKey());
        assertThat(alice.generateSignedPreKey().getId()).isEqualTo(next.signedPreKey());
        assertThat(alice.generateKyberPreKeys(1).get(0).getId()).isEqualTo(next.kyberPreKey());

        alice.changeIdentity(IdentityKeyPair.generate(), 4712);
        assertThat(alice.needsUpload()).isTrue();
        assertThat(alice.registrationId()).isEqualTo(4712);
    }

    @Test
    @DisplayName("keeps data of the application with the credentials")
    void applicationData() {
        SignalAccount alice = account(aliceAddress);
        SignalKeyStore store = database.forContext("alice");

        alice.saveApplicationData(bytes("+15550100001"));
        store.useTransaction(SignalAccount.accountLockKey(), tx -> {
            String number = text(alice.applicationData(tx));
            alice.saveApplicationData(tx, bytes(number + ", verified"));
        });

        assertThat(text(alice.applicationData())).isEqualTo("+15550100001, verified");
    }

    @Test
    @DisplayName("finds what an entry belongs to, by its id, and holds the locks of a device and a sender key")
    void entries() throws Exception {
        SignalAccount alice = account(aliceAddress);
        alice.startSession(bobAddress, account(bobAddress).newPreKeyBundle(1));
        UUID group = UUID.randomUUID();
        alice.group(group).encrypt(List.of(bobAddress), bytes("hello"));
        SignalKeyStore store = database.forContext("alice");

        List<SignalProtocolAddress> contacts;
        try (Stream<String> ids = store.ids(KeyTypes.SESSION, "")) {
            contacts = ids.flatMap(id -> EntryIds.address(id).stream()).toList();
        }
        SenderKeyId own = EntryIds.senderKey(EntryIds.of(group, aliceAddress)).orElseThrow();
        Set<String> locks =
                Set.of(SignalAccount.lockKey(bobAddress), SignalAccount.lockKey(own.distributionId(), own.sender()));
        store.transaction(locks, tx -> {
            tx.delete(KeyTypes.SESSION, EntryIds.of(bobAddress));
            tx.delete(KeyTypes.SENDER_KEY, EntryIds.of(own.distributionId(), own.sender()));
            return true;
        });

        assertThat(contacts).containsExactly(bobAddress);
        assertThat(store.find(KeyTypes.SENDER_KEY, EntryIds.of(group, aliceAddress)))
                .isEmpty();
        IdentityKey kept = alice.identities().find(bobAddress).orElseThrow();
        assertThat(kept).isEqualTo(account(bobAddress).identityKey());
    }
}
