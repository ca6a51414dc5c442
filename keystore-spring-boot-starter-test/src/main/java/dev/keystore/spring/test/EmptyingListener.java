package dev.keystore.spring.test;

import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.util.List;
import java.util.stream.Stream;
import org.springframework.test.context.TestContext;
import org.springframework.test.context.TestContextAnnotationUtils;
import org.springframework.test.context.TestExecutionListener;

/** Erases the contexts of the database after each method of a {@link KeystoreTest}. */
final class EmptyingListener implements TestExecutionListener {

    @Override
    public void afterTestMethod(TestContext test) {
        if (TestContextAnnotationUtils.hasAnnotation(test.getTestClass(), KeystoreTest.class)
                && test.hasApplicationContext()) {
            test.getApplicationContext()
                    .getBeanProvider(SignalKeyDatabase.class)
                    .orderedStream()
                    .forEach(EmptyingListener::empty);
        }
    }

    private static void empty(SignalKeyDatabase database) {
        List<String> names;
        try (Stream<String> contexts = database.contexts()) {
            names = contexts.toList();
        }
        for (String name : names) {
            boolean lost = database.lostContexts().contains(name);
            SignalKeyStore store = lost ? database.takeOver(name) : database.forContext(name);
            store.erase();
        }
    }
}
