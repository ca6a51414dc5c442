/** A program that uses a store from a module of its own. */
@NullMarked
package dev.keystore.moduletest;

import org.jspecify.annotations.NullMarked;
