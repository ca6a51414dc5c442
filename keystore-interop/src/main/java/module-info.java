/** Import of accounts from other stores, and export back to them. */
module dev.keystore.interop {
    requires transitive dev.keystore.api;
    requires com.fasterxml.jackson.core;
    requires com.fasterxml.jackson.databind;
    requires dev.keystore.spi.support;
    requires java.sql;
    requires static transitive org.jspecify;
    requires org.xerial.sqlitejdbc;

    exports dev.keystore.interop;
}
