package dev.keystore.spring.test;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Backend;
import dev.keystore.spi.KeyStoreListener;
import dev.keystore.spring.KeystoreCustomizer;
import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.test.autoconfigure.OverrideAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTestContextBootstrapper;
import org.springframework.context.annotation.Import;
import org.springframework.test.context.BootstrapWith;
import org.springframework.test.context.junit.jupiter.SpringExtension;

/**
 * A test of beans that use the database, without the rest of the application: a {@link SignalKeyDatabase} in memory is
 * the only bean, with no other auto-configuration. Components are not scanned for; name those to test with
 * {@link Import}.
 *
 * <p>The properties of the application do not concern this database: it needs no file and no root key. It has the
 * default options, and the beans of the types {@link KeyStoreListener} and {@link KeystoreCustomizer}. After each test,
 * all its contexts are erased. Reads, transactions, locks and ownership are those of every database.
 *
 * <p>A bean of the type {@link SignalKeyDatabase} or {@link Backend}, of the test or of the application's main class,
 * is used instead. What it holds is never erased, since it may be a real store: the test has to do that.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Documented
@Inherited
@BootstrapWith(SpringBootTestContextBootstrapper.class)
@ExtendWith(SpringExtension.class)
@OverrideAutoConfiguration(enabled = false)
@ImportAutoConfiguration(MemoryKeystoreAutoConfiguration.class)
public @interface KeystoreTest {}
