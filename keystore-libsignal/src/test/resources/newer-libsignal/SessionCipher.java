package org.signal.libsignal.protocol;

import java.lang.reflect.InvocationTargetException;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SignalMessage;
import org.signal.libsignal.protocol.state.SignalProtocolStore;

/** A stand-in with the constructor of 0.91 and later, in front of the cipher of the version on the class path. */
public class SessionCipher {

    private final Object cipher;

    public SessionCipher(SignalProtocolStore store, SignalProtocolAddress local, SignalProtocolAddress remote)
            throws Exception {
        if (!local.getName().startsWith("local ")) {
            throw new IllegalArgumentException("local is " + local);
        }
        cipher = SignalProtocolAddress.class
                .getClassLoader()
                .loadClass(SessionCipher.class.getName())
                .getConstructor(SignalProtocolStore.class, SignalProtocolAddress.class)
                .newInstance(store, remote);
    }

    public CiphertextMessage encrypt(byte[] plaintext) throws NoSessionException, UntrustedIdentityException {
        return (CiphertextMessage) call("encrypt", byte[].class, plaintext);
    }

    public byte[] decrypt(PreKeySignalMessage message)
            throws DuplicateMessageException, InvalidMessageException, InvalidKeyIdException, InvalidKeyException,
                    UntrustedIdentityException {
        return (byte[]) call("decrypt", PreKeySignalMessage.class, message);
    }

    public byte[] decrypt(SignalMessage message)
            throws InvalidMessageException, InvalidVersionException, DuplicateMessageException, NoSessionException,
                    UntrustedIdentityException {
        return (byte[]) call("decrypt", SignalMessage.class, message);
    }

    private Object call(String method, Class<?> type, Object argument) {
        try {
            return cipher.getClass().getMethod(method, type).invoke(cipher, argument);
        } catch (InvocationTargetException e) {
            throw new AssertionError(e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}
