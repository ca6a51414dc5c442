package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import dev.keystore.interop.BaileysFolder.FileName;
import dev.keystore.interop.FolderFiles.State;
import dev.keystore.interop.TransferItem.Fate;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A folder of baileys_ex, in its native form, one Erlang term in each file ({@code .etf}), or in its JSON form. It is
 * read as the form that most of its files have.
 *
 * <p>Ids are those of the list that the library keeps in a hidden file, the manifest. Files that it does not list, or
 * all files if there is no list, have the id that their name says, as for {@link BaileysFolder}.
 *
 * <p>Sessions, sender keys and credentials are kept byte for byte, as terms or as JSON. The counter of a chain is the
 * number of its next message, unlike in a session of Baileys.
 *
 * <p>It can only be imported.
 */
public final class BaileysExFolder extends ForeignStore {

    private static final String CREDENTIALS = "creds";
    private static final int VERSION = 1;

    private final Path folder;

    /** The two forms of a folder. */
    private enum Form {
        NATIVE(".etf", ".baileys_ex_native_file_persistence.etf", "native_file_persistence") {
            @Override
            JsonNode decode(byte[] file) throws DamagedException {
                return ErlangTerm.decode(file);
            }
        },
        JSON(".json", ".baileys_ex_file_persistence.json", "file_persistence") {
            @Override
            JsonNode decode(byte[] file) throws DamagedException {
                return StrictJson.read(file);
            }
        };

        final String extension;
        final String manifest;
        final String backend;

        Form(String extension, String manifest, String backend) {
            this.extension = extension;
            this.manifest = manifest;
            this.backend = backend;
        }

        abstract JsonNode decode(byte[] file) throws DamagedException;
    }

    private BaileysExFolder(Path folder) {
        this.folder = folder;
    }

    /**
     * Names a folder. Nothing is read yet.
     *
     * @param folder the folder
     * @return the store in it
     */
    public static BaileysExFolder at(Path folder) {
        return new BaileysExFolder(Objects.requireNonNull(folder, "folder").toAbsolutePath());
    }

    /** Returns the path of the folder. */
    @Override
    public String toString() {
        return folder.toString();
    }

    @Override
    Read read(Reading reading) {
        FolderFiles files = FolderFiles.list(folder);
        Contents contents = new Contents(toString(), reading.limits());
        boolean isNative = count(files, Form.NATIVE) > count(files, Form.JSON);
        new ListedFiles(files, isNative ? Form.NATIVE : Form.JSON, contents, reading).read();
        return new Read(contents, files::checkUnchanged);
    }

    private static long count(FolderFiles files, Form form) {
        return files.files().keySet().stream()
                .filter(name -> name.endsWith(form.extension))
                .count();
    }

    @Override
    List<TransferItem> write(Contents contents, String context, boolean dryRun) {
        throw new ForeignStoreException(
                folder + ": could not export to it: a folder of baileys_ex can only be imported", null);
    }

    /** An entry of the manifest, or what the name of a file says. */
    private record Key(BaileysType<?> type, String id) {}

    /** Reads the files of a folder, under the ids that its manifest lists. */
    private final class ListedFiles {

        private final FolderFiles files;
        private final Form form;
        private final Contents contents;
        private final Reading reading;
        private final Map<String, Key> listed = new HashMap<>();
        private final Set<String> ambiguous = new HashSet<>();
        private long done;

        ListedFiles(FolderFiles files, Form form, Contents contents, Reading reading) {
            this.files = files;
            this.form = form;
            this.contents = contents;
            this.reading = reading;
        }

        void read() {
            readManifest();
            files.files().forEach((name, state) -> {
                if (!name.equals(form.manifest)) {
                    readFile(name, state);
                }
                reading.listener()
                        .accept(new TransferProgress(++done, files.files().size()));
            });
            listed.forEach((name, key) -> {
                if (!files.files().containsKey(name)) {
                    leaveDamaged(name, key, "the list of ids has it, and the file is missing");
                }
            });
        }

        private void readManifest() {
            State state = files.files().get(form.manifest);
            if (state == null) {
                return;
            }
            try {
                if (!state.regular()) {
                    throw new DamagedException("it is not a file");
                }
                JsonNode manifest = form.decode(files.read(form.manifest));
                JsonFields fields = new JsonFields(manifest);
                if (!form.backend.equals(BaileysValues.text(fields.take("backend")))) {
                    throw new DamagedException("it is not that of the form of these files");
                }
                long version = fields.number("version", 0, Long.MAX_VALUE);
                if (version != VERSION) {
                    throw new ForeignStoreException(
                            folder + ": could not import it: it is of version " + version + "; known is " + VERSION,
                            null);
                }
                list(fields.take("key_index"));
                contents.leave(form.manifest, Fate.NOT_NEEDED, "", "", "the list of ids, which was used");
            } catch (DamagedException e) {
                listed.clear();
                ambiguous.clear();
                contents.leave(
                        form.manifest,
                        Fate.DAMAGED,
                        "",
                        "",
                        e.reason() + "; ids are those that the names of files say");
            }
        }

        private void list(JsonNode index) throws DamagedException {
            new JsonFields(index);
            for (Map.Entry<String, JsonNode> each : index.properties()) {
                BaileysType<?> type = BaileysType.named(each.getKey());
                if (type != null) {
                    for (String id : BaileysValues.texts(each.getValue())) {
                        String name = BaileysIds.write(type.name() + "-" + id) + form.extension;
                        if (listed.put(name, new Key(type, id)) != null) {
                            ambiguous.add(name);
                        }
                    }
                }
            }
        }

        private void readFile(String name, State state) {
            if (!state.regular()) {
                contents.leave(name, Fate.UNKNOWN, "", "", state.whyNotRead());
            } else if (name.contains(".tmp-")) {
                contents.leave(name, Fate.NOT_NEEDED, "", "", "a temporary file of an unfinished write");
            } else if (name.equals(CREDENTIALS + form.extension)) {
                readCredentials(name);
            } else {
                readKey(name);
            }
        }

        private void readCredentials(String name) {
            try {
                byte[] file = files.read(name);
                BaileysExValues.checkCredentials(form.decode(file));
                contents.addCredentials(name, file, "");
            } catch (DamagedException e) {
                String reason = e.reason() + "; " + Losses.of(Contents.CREDENTIALS);
                contents.leave(name, Fate.DAMAGED, Contents.CREDENTIALS, "", reason);
            }
        }

        private void readKey(String name) {
            Key exact = listed.get(name);
            Key key = exact == null ? keyOf(name) : exact;
            if (key == null) {
                contents.leave(name, Fate.UNKNOWN, "", "", "its type is not known");
                return;
            }
            try {
                if (ambiguous.contains(name)) {
                    throw new DamagedException("the list of ids has several that share this file");
                }
                String reason = exact == null ? "its id is the one that its name says" : "";
                byte[] file = files.read(name);
                BaileysExValues.add(contents, name, key.type(), key.id(), form.decode(file), file, reason);
            } catch (DamagedException e) {
                leaveDamaged(name, key, e.reason());
            }
        }

        private @Nullable Key keyOf(String name) {
            if (!name.endsWith(form.extension)) {
                return null;
            }
            String stem = name.substring(0, name.length() - form.extension.length());
            FileName parsed = FileName.parse(stem + Form.JSON.extension);
            BaileysType<?> type = parsed.type();
            return type == null ? null : new Key(type, parsed.id());
        }

        private void leaveDamaged(String name, Key key, String damage) {
            String type = key.type().type().name();
            contents.leave(name, Fate.DAMAGED, type, key.id(), damage + "; " + Losses.of(type));
        }
    }
}
