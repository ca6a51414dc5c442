/** A bot on Spring Boot 4 that keeps its sessions in Keystore. */
@NullMarked
package dev.keystore.sample;

import org.jspecify.annotations.NullMarked;
