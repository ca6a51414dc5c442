/** A program in a named module that uses a database. */
@NullMarked
package dev.keystore.moduletest;

import org.jspecify.annotations.NullMarked;
