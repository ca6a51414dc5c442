package dev.keystore.spring.test;

import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.util.List;
import java.util.stream.Stream;
import org.springframework.test.context.TestContext;
import org.springframework.test.context.TestContextAnnotationUtils;
import org.springframework.test.context.TestExecutionListener;

/**
 * Erases the contexts of the database in memory after each method of a {@link KeystoreTest}. A database or a backend
 * that is a bean of the application or of the test may hold real keys, so it is left as it is.
 */
final class EmptyingListener implements TestExecutionListener {

    @Override
    public void afterTestMethod(TestContext test) {
        if (TestContextAnnotationUtils.hasAnnotation(test.getTestClass(), KeystoreTest.class)
                && test.hasApplicationContext()) {
            test.getApplicationContext()
                    .getBeanProvider(MemoryKeystoreAutoConfiguration.class)
                    .ifAvailable(slice -> {
                        SignalKeyDatabase database = slice.inMemory();
                        if (database != null) {
                            empty(database);
                        }
                    });
        }
    }

    private static void empty(SignalKeyDatabase database) {
        List<String> names;
        try (Stream<String> contexts = database.contexts()) {
            names = contexts.toList();
        } catch (IllegalStateException e) {
            return; // the test has closed it
        }
        for (String name : names) {
            boolean lost = database.lostContexts().contains(name);
            SignalKeyStore store = lost ? database.takeOver(name) : database.forContext(name);
            store.erase();
        }
    }
}
