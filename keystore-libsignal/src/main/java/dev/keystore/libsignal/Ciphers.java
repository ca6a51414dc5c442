package dev.keystore.libsignal;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.SessionBuilder;
import org.signal.libsignal.protocol.SessionCipher;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.state.SignalProtocolStore;

/**
 * Creates libsignal's ciphers and builders of sessions with the constructors of the version at run time.
 *
 * <table>
 *   <caption>Constructors by version</caption>
 *   <tr><th>version</th><th>{@code SessionCipher}</th><th>{@code SessionBuilder}</th></tr>
 *   <tr><td>up to 0.90</td><td>{@code (store, remote)}</td><td>{@code (store, remote)}</td></tr>
 *   <tr><td>0.91, 0.92</td><td>{@code (store, local, remote)}</td><td>{@code (store, remote)}</td></tr>
 *   <tr><td>0.93 and later</td><td>{@code (store, local, remote)}</td><td>{@code (store, remote, local)}</td></tr>
 * </table>
 */
final class Ciphers {

    private static final MethodType OF_REMOTE =
            MethodType.methodType(void.class, SignalProtocolStore.class, SignalProtocolAddress.class);
    private static final MethodType OF_BOTH = OF_REMOTE.appendParameterTypes(SignalProtocolAddress.class);

    private static final boolean CIPHER_OF_BOTH = has(SessionCipher.class, OF_BOTH);
    private static final boolean BUILDER_OF_BOTH = has(SessionBuilder.class, OF_BOTH);
    private static final MethodHandle CIPHER = constructor(SessionCipher.class, CIPHER_OF_BOTH);
    private static final MethodHandle BUILDER = constructor(SessionBuilder.class, BUILDER_OF_BOTH);

    private final @Nullable SignalProtocolAddress local;

    /**
     * Creates a factory.
     *
     * @param local the address of the account's device, or {@code null} if it is not known
     */
    Ciphers(@Nullable SignalProtocolAddress local) {
        this.local = local;
    }

    SessionCipher cipher(SignalProtocolStore signal, SignalProtocolAddress remote) {
        return (SessionCipher)
                create(() -> CIPHER_OF_BOTH ? CIPHER.invoke(signal, known(), remote) : CIPHER.invoke(signal, remote));
    }

    SessionBuilder builder(SignalProtocolStore signal, SignalProtocolAddress remote) {
        return (SessionBuilder) create(
                () -> BUILDER_OF_BOTH ? BUILDER.invoke(signal, remote, known()) : BUILDER.invoke(signal, remote));
    }

    private SignalProtocolAddress known() {
        if (local == null) {
            throw new IllegalStateException("This version of libsignal-client needs the address of the account's"
                    + " device; set AccountOptions.Builder.localAddress");
        }
        return local;
    }

    private static boolean has(Class<?> type, MethodType constructor) {
        return Arrays.stream(type.getConstructors())
                .anyMatch(each -> Arrays.equals(each.getParameterTypes(), constructor.parameterArray()));
    }

    private static MethodHandle constructor(Class<?> type, boolean ofBoth) {
        try {
            return MethodHandles.publicLookup().findConstructor(type, ofBoth ? OF_BOTH : OF_REMOTE);
        } catch (ReflectiveOperationException e) {
            throw (NoSuchMethodError) new NoSuchMethodError(type.getName() + " has no constructor of a store and one or"
                            + " two addresses; this version of libsignal-client is not supported")
                    .initCause(e);
        }
    }

    private static Object create(Creation creation) {
        try {
            return creation.run();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("a constructor of libsignal threw a checked exception", e);
        }
    }

    private interface Creation {
        Object run() throws Throwable;
    }
}
