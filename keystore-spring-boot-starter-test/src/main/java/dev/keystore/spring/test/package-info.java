/**
 * Tests of Spring Boot 3 and 4: {@link dev.keystore.spring.test.KeystoreTest} starts a database in memory.
 * {@code docs/spring-boot.md} in the repository has an example.
 */
@NullMarked
package dev.keystore.spring.test;

import org.jspecify.annotations.NullMarked;
