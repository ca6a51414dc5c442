package org.signal.libsignal.protocol;

import org.signal.libsignal.protocol.state.PreKeyBundle;
import org.signal.libsignal.protocol.state.SignalProtocolStore;

/** A stand-in with the constructor of 0.93 and later, in front of the builder of the version on the class path. */
public class SessionBuilder {

    private final Object builder;

    public SessionBuilder(SignalProtocolStore store, SignalProtocolAddress remote, SignalProtocolAddress local)
            throws Exception {
        if (!local.getName().startsWith("local ")) {
            throw new IllegalArgumentException("local is " + local);
        }
        builder = SignalProtocolAddress.class
                .getClassLoader()
                .loadClass(SessionBuilder.class.getName())
                .getConstructor(SignalProtocolStore.class, SignalProtocolAddress.class)
                .newInstance(store, remote);
    }

    public void process(PreKeyBundle bundle) throws InvalidKeyException, UntrustedIdentityException {
        try {
            builder.getClass().getMethod("process", PreKeyBundle.class).invoke(builder, bundle);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}
