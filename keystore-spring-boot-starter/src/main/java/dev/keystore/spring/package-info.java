/**
 * Spring Boot 3 and 4: a {@link dev.keystore.core.SignalKeyDatabase} as a bean, configured by properties that begin
 * with {@code keystore.}. {@code docs/spring-boot.md} in the repository describes them.
 *
 * <p>Rule numbers, such as {@code R101}, refer to {@code docs/contract.md}.
 */
@NullMarked
package dev.keystore.spring;

import org.jspecify.annotations.NullMarked;
