/** An example of a third-party backend: it stores one file per entry. */
package org.example.keystore.files;
