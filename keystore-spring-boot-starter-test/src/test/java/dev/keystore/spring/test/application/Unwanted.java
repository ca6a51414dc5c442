package dev.keystore.spring.test.application;

import org.springframework.stereotype.Component;

/** A component that is not tested. */
@Component
class Unwanted {

    Unwanted() {
        throw new IllegalStateException("started");
    }
}
