package dev.keystore.mapdb;

import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandles;

/** Runs work with a native frame on the stack, which keeps a virtual thread on its carrier while it waits. */
final class Pinned {

    private static final ThreadLocal<Runnable> WORK = new ThreadLocal<>();

    private Pinned() {}

    /** The JVM calls a class's initializer through a native frame, once for each hidden copy of the class. */
    static final class Initializer {
        static {
            WORK.get().run();
        }

        private Initializer() {}
    }

    static void run(Runnable work) {
        WORK.set(work);
        try (InputStream bytes = Pinned.class.getResourceAsStream("Pinned$Initializer.class")) {
            MethodHandles.lookup()
                    .defineHiddenClass(bytes.readAllBytes(), true, MethodHandles.Lookup.ClassOption.NESTMATE);
        } catch (IOException | IllegalAccessException e) {
            throw new IllegalStateException(e);
        } finally {
            WORK.remove();
        }
    }
}
