package dev.keystore.cli;

import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyStoreException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.RollbackFailedException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.ExecutionException;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.RunLast;

/** Reports what a command threw, without a password that a URL may hold, and chooses the exit code. */
final class Failures implements IExecutionExceptionHandler {

    /** Runs a command. An error of the JVM, which the parser does not catch, ends it as a failure midway. */
    static int run(ParseResult arguments) {
        PasswordArguments.requireNone(arguments);
        try {
            return new RunLast().execute(arguments);
        } catch (Error e) {
            CommandLine called = arguments
                    .asCommandLineList()
                    .get(arguments.asCommandLineList().size() - 1);
            throw new ExecutionException(called, e.toString(), new Resumable(e));
        }
    }

    @Override
    public int handleExecutionException(Exception failure, CommandLine line, ParseResult arguments) throws Exception {
        boolean interrupted = failure instanceof OperationInterruptedException
                || (failure instanceof Resumable && failure.getCause() instanceof OperationInterruptedException);
        boolean onlyLooks = line.getCommandSpec().userObject() instanceof Looking command && command.onlyLooks();
        boolean isError = failure.getCause() instanceof Error;
        boolean resumable =
                interrupted || isError || (!onlyLooks && (failure instanceof Resumable || isUnknown(failure)));
        if (!isExpected(failure)) {
            printStackTrace(failure, line, arguments);
        } else if (failure.getCause() instanceof Error error && !(error instanceof OutOfMemoryError)) {
            printStackTrace(error, line, arguments);
        }
        String message = Urls.withoutSecrets(message(failure, interrupted), arguments.expandedArgs());
        line.getErr().println(line.getCommandSpec().qualifiedName() + ": " + Text.visible(message));
        if (resumable) {
            line.getErr().println(onlyLooks ? Resumable.nothingChanged(isError) : toDo(failure));
        }
        if (arguments.hasMatchedOption("--json") || isJson(arguments)) {
            printJson(line, kind(failure), message, resumable);
        }
        return resumable ? ExitCodes.INTERRUPTED : ExitCodes.FAILED;
    }

    private static void printStackTrace(Throwable failure, CommandLine line, ParseResult arguments) {
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace, true));
        line.getErr().print(Urls.withoutSecrets(trace.toString(), arguments.expandedArgs()));
    }

    private static void printJson(CommandLine line, String kind, String message, boolean resumable) {
        Map<String, Object> error = new LinkedHashMap<>();
        error.put("error", kind);
        error.put("message", message);
        error.put("resumable", resumable);
        line.getOut().println(Json.of(error));
    }

    /** Returns whether it is unknown if, or how much of, a commit was written. */
    private static boolean isUnknown(Exception failure) {
        return failure instanceof CommitOutcomeUnknownException || failure instanceof RollbackFailedException;
    }

    private static String toDo(Exception failure) {
        if (isUnknown(failure)) {
            return "Run the same command again: it finds out what was written.";
        }
        return failure instanceof Resumable ended ? ended.toDo() : Resumable.TO_DO;
    }

    private static boolean isJson(ParseResult arguments) {
        ParseResult last = arguments;
        while (last.hasSubcommand()) {
            last = last.subcommand();
        }
        return last.hasMatchedOption("--json");
    }

    private static boolean isExpected(Exception failure) {
        return failure instanceof KeyStoreException
                || failure instanceof Refusal
                || failure instanceof Resumable
                || failure instanceof IllegalArgumentException
                || failure instanceof IllegalStateException
                || failure instanceof UnsupportedOperationException
                || failure instanceof IOException;
    }

    private static String message(Exception failure, boolean interrupted) {
        if (interrupted) {
            return "interrupted";
        }
        if (failure instanceof IOException) {
            return failure.toString(); // its message may be nothing but a path
        }
        String message = failure.getMessage();
        return message == null ? failure.toString() : Text.withCommands(message);
    }

    private static String kind(Exception failure) {
        Throwable cause = failure.getCause();
        return failure instanceof Resumable && cause != null
                ? cause.getClass().getSimpleName()
                : failure.getClass().getSimpleName();
    }

    /** Reports a wrong command line. The message of the parser may repeat a URL. */
    static int usage(ParameterException failure, String[] arguments) {
        CommandLine line = failure.getCommandLine();
        String name = line.getCommandSpec().qualifiedName();
        String message = Urls.withoutSecrets(String.valueOf(failure.getMessage()), List.of(arguments));
        line.getErr().println(name + ": " + Text.visible(message));
        line.getErr().println("Try " + name + " --help");
        if (List.of(arguments).contains("--json")) {
            printJson(line, "WrongUsage", message, false);
        }
        return ExitCodes.USAGE;
    }
}
