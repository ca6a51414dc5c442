/** A backend of Keystore that keeps one file per entry: an example of a third party's. */
package org.example.keystore.files;
