package dev.keystore.cli;

import dev.keystore.core.ContextInspection;
import dev.keystore.core.ContextInspection.Move;
import dev.keystore.core.ContextInspection.MoveState;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import dev.keystore.core.StoreMove;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Erases a context. */
@Command(
        name = "erase",
        description = {
            "Erases all that a context holds, credentials included, in one commit.",
            "Former bytes may remain in free space until keystore compact is run.",
            "Also erases what is left of a context that was moved away, which the store refuses as before;",
            "and a context whose move to this store has not ended, if the store that it comes from is lost."
        })
final class EraseCommand extends StoreCommand {

    private static final List<String> ARRIVING = List.of(
            "A move of this context to this store has not ended. If the store that it comes from still exists, run the",
            "move again instead: that store may refuse the context already.");

    @Parameters(index = "1", paramLabel = "CONTEXT", description = "The context.")
    private String context = "";

    @Option(names = "--take-over", description = "Erase the context even if its owner is alive; it is fenced.")
    private boolean takeOver;

    @Override
    int run() {
        ContextInspection found;
        try (StoreInspection inspected = store().inspect(url())) {
            found = inspected.inspect(context);
            if (!takeOver || found.move().isPresent()) {
                Owners.requireNone(inspected, context);
            }
        }
        if (found.entries() + found.damagedEntries() == 0
                && found.move()
                        .map(Move::state)
                        .filter(MoveState.ARRIVING::equals)
                        .isEmpty()) {
            throw new Refusal("Context \"" + context + "\" holds nothing; nothing was changed");
        }
        if (!isConfirmed()) {
            Confirmation.require(lost(found), context, "confirm by --yes");
        }
        erase(found);
        return ExitCodes.DONE;
    }

    /**
     * Erases the context.
     *
     * @param found what was confirmed to be lost
     * @throws Refusal if it was found in a move that has ended since: a context that is in use is not what is left of
     *     that move
     */
    void erase(ContextInspection found) {
        SignalKeyDatabase.Builder builder = store().existing(url());
        try (WrittenStore written = WrittenStore.open(takeOver ? builder : builder.refuseOwned())) {
            SignalKeyDatabase database = written.database();
            if (found.move().isEmpty()) {
                (takeOver ? database.takeOver(context) : database.forExistingContext(context)).erase();
            } else if (!eraseMoved(database, found.move().get().state())) {
                throw new Refusal("The move of context \"" + context + "\" has ended since the context was looked at."
                        + " Nothing was changed; look again with keystore inspect");
            }
            report(found);
        }
    }

    private boolean eraseMoved(SignalKeyDatabase database, MoveState state) {
        return state == MoveState.MOVED
                ? StoreMove.eraseMoved(database, context)
                : StoreMove.abandon(database, context);
    }

    private void report(ContextInspection erased) {
        output().line("Erased: " + Text.count(erased.entries(), "entry"));
        if (output().isJson()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("context", context);
            json.put("erasedEntries", erased.entries());
            json.put("erasedDamagedEntries", erased.damagedEntries());
            output().out().println(Json.of(json));
        }
    }

    private static List<String> lost(ContextInspection found) {
        List<String> lost =
                new ArrayList<>(found.move().map(EraseCommand::warning).orElse(List.of()));
        lost.add("This cannot be undone. Context \"" + found.context() + "\" loses "
                + Text.count(found.entries(), "entry")
                + (found.damagedEntries() == 0 ? "" : " and " + Text.number(found.damagedEntries()) + " damaged")
                + (found.types().isEmpty() ? "." : ":"));
        found.types().forEach((type, contents) -> lost.add("  " + type + ": " + Text.number(contents.entries())));
        if (found.types().containsKey("credentials") && found.move().isEmpty()) {
            lost.add("The credentials are among them: the account has to be linked again.");
        }
        return lost;
    }

    private static List<String> warning(Move move) {
        if (move.state() != MoveState.MOVED) {
            return ARRIVING;
        }
        return List.of(
                "It was moved to " + move.target()
                        + ". Make sure that it is there, and that its move has ended (keystore"
                        + " inspect), and back that store up first (keystore backup).",
                "This store refuses the context as before: if that store is lost without a backup, the account has to"
                        + " be linked again.");
    }
}
