package dev.keystore.spring.test.application;

import org.springframework.boot.autoconfigure.SpringBootApplication;

/** An application whose components a slice must not start. */
@SpringBootApplication
class Application {}
