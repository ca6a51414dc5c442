package dev.keystore.core;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.List;
import org.slf4j.LoggerFactory;

/** The lines that {@link SlowTransactionLog} logs through SLF4J, until it is closed. */
final class LoggedTransactions implements AutoCloseable {

    private final Logger logger = (Logger) LoggerFactory.getLogger(SlowTransactionLog.NAME);
    private final ListAppender<ILoggingEvent> appender = new ListAppender<>();

    LoggedTransactions() {
        appender.start();
        logger.setAdditive(false);
        logger.addAppender(appender);
    }

    List<String> lines() {
        return appender.list.stream()
                .map(line -> line.getLevel() + " " + line.getFormattedMessage())
                .toList();
    }

    @Override
    public void close() {
        logger.detachAppender(appender);
        logger.setAdditive(true);
    }
}
