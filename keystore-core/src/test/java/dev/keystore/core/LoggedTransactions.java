package dev.keystore.core;

import java.text.MessageFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** The lines that {@link SlowTransactionLog} logs through the logging of the JDK, until it is closed. */
final class LoggedTransactions implements AutoCloseable {

    private static final Logger LOGGER = Logger.getLogger(SlowTransactionLog.NAME);

    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord entry) {
            lines.add(entry.getLevel() + " " + new MessageFormat(entry.getMessage()).format(entry.getParameters()));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    LoggedTransactions() {
        LOGGER.setUseParentHandlers(false);
        LOGGER.addHandler(handler);
    }

    List<String> lines() {
        return lines;
    }

    @Override
    public void close() {
        LOGGER.removeHandler(handler);
        LOGGER.setUseParentHandlers(true);
    }
}
