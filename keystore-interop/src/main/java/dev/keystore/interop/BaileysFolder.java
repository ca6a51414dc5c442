package dev.keystore.interop;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.interop.Contents.Found;
import dev.keystore.interop.FolderFiles.State;
import dev.keystore.interop.TransferItem.Fate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A folder that Baileys writes with {@code useMultiFileAuthState}: one JSON file for each key, and {@code creds.json}.
 *
 * <p>The credentials are the bytes of {@code creds.json}. Sessions and sender keys stay as the library of the folder
 * has serialized them; all other values become those of the standard types. Ids are those that Baileys passes to its
 * store, not the names of files: {@code sender-key-G--U--7.json} holds the sender key {@code G::U::7}.
 *
 * <p>When an account is exported, files are written to a new folder next to it, forced, and renamed as a whole. It must
 * not exist, or be empty.
 */
public final class BaileysFolder extends ForeignStore {

    /**
     * Files of a type that Keystore does not know, by name, as bytes: see {@link AccountImport#keepingUnknown}. An
     * export writes them back.
     */
    public static final KeyType<byte[]> UNKNOWN_FILE = KeyType.ofBytes("baileys-file");

    private static final String JSON = ".json";
    private static final String BACKUP = ".bak";
    private static final String CREDENTIALS_FILE = "creds.json";

    /** Baileys 7.0.0-rc14 reads JSON only. */
    private static final String NEWER_FORM =
            "it is in the form of libsignal, which Baileys cannot read up to 7.0.0-rc14 unless it is converted";

    private final Path folder;

    private BaileysFolder(Path folder) {
        this.folder = folder;
    }

    /**
     * Names a folder. Nothing is read yet.
     *
     * @param folder the folder
     * @return the store in it
     */
    public static BaileysFolder at(Path folder) {
        return new BaileysFolder(Objects.requireNonNull(folder, "folder").toAbsolutePath());
    }

    /** Returns the path of the folder. */
    @Override
    public String toString() {
        return folder.toString();
    }

    @Override
    Collection<KeyType<?>> additionalTypes() {
        return List.of(UNKNOWN_FILE);
    }

    @Override
    Read read(Reading reading) {
        FolderFiles files = FolderFiles.list(folder);
        Contents contents = new Contents(toString(), reading.limits());
        new BackedUpFiles(files, contents, reading).read();
        return new Read(contents, files::checkUnchanged);
    }

    /** Reads the files of a folder, each with its backup. */
    private static final class BackedUpFiles {

        private final FolderFiles files;
        private final Contents contents;
        private final Reading reading;
        private long done;

        BackedUpFiles(FolderFiles files, Contents contents, Reading reading) {
            this.files = files;
            this.contents = contents;
            this.reading = reading;
        }

        void read() {
            files.files().forEach((name, state) -> {
                readFile(name, state);
                reading.listener()
                        .accept(new TransferProgress(++done, files.files().size()));
            });
        }

        private void readFile(String name, State state) {
            if (!state.regular()) {
                contents.leave(name, Fate.UNKNOWN, "", "", state.whyNotRead());
            } else if (isTemporary(name)) {
                contents.leave(name, Fate.NOT_NEEDED, "", "", "a temporary file of an unfinished write");
            } else if (name.endsWith(BACKUP + BACKUP)) {
                readAlone(name);
            } else if (name.endsWith(BACKUP)) {
                if (!isRegular(name.substring(0, name.length() - BACKUP.length()))) {
                    readBackup(name, "in place of its main file, which is missing");
                }
            } else {
                readMain(name);
            }
        }

        private static boolean isTemporary(String name) {
            return name.endsWith(".tmp") || name.contains(".tmp-") || name.contains(".tmp.");
        }

        private boolean isRegular(String name) {
            State state = files.files().get(name);
            return state != null && state.regular();
        }

        private void readMain(String name) {
            String backup = name + BACKUP;
            String damage = tryRead(name, name, "");
            if (damage == null) {
                if (isRegular(backup)) {
                    contents.leave(backup, Fate.NOT_NEEDED, "", "", "a .bak file, and its main file could be used");
                }
            } else if (isRegular(backup)) {
                FileName parsed = FileName.parse(name);
                contents.leave(name, Fate.DAMAGED, parsed.typeName(), parsed.id(), damage + "; see its .bak file");
                readBackup(backup, "in place of its main file, which is damaged");
            } else {
                leaveDamaged(name, FileName.parse(name), damage);
            }
        }

        /** Reads a file that is neither a main file nor the backup of one: the backup of a backup. */
        private void readAlone(String name) {
            String damage = tryRead(name, name, "");
            if (damage != null) {
                leaveDamaged(name, FileName.parse(name), damage);
            }
        }

        private void readBackup(String backup, String reason) {
            String main = backup.substring(0, backup.length() - BACKUP.length());
            String damage = tryRead(backup, main, reason + "; it may be older");
            if (damage != null) {
                leaveDamaged(backup, FileName.parse(main), damage);
            }
        }

        private void leaveDamaged(String file, FileName parsed, String damage) {
            contents.leave(
                    file, Fate.DAMAGED, parsed.typeName(), parsed.id(), damage + "; " + Losses.of(parsed.typeName()));
        }

        /** Reads a file under the name that says what it is; returns what is wrong with it, or null. */
        private @Nullable String tryRead(String file, String name, String reason) {
            FileName parsed = FileName.parse(name);
            BaileysType<?> type = parsed.type();
            try {
                if (parsed.isCredentials()) {
                    byte[] document = files.read(file);
                    BaileysValues.checkCredentials(document);
                    contents.addCredentials(file, document, reason);
                } else if (type != null) {
                    type.addTo(contents, file, parsed.id(), files.read(file), reason);
                } else if (reading.keepUnknown()) {
                    contents.add(file, UNKNOWN_FILE, name, files.read(file), reason);
                } else {
                    contents.leave(file, Fate.UNKNOWN, "", "", "its type is not known; it can be kept as it is");
                }
                return null;
            } catch (DamagedException e) {
                return e.reason();
            }
        }
    }

    /** What the name of a file says. */
    record FileName(@Nullable BaileysType<?> type, String id, boolean isCredentials) {

        private static final FileName UNKNOWN = new FileName(null, "", false);

        static FileName parse(String name) {
            if (name.equals(CREDENTIALS_FILE)) {
                return new FileName(null, "", true);
            }
            if (!name.endsWith(JSON)) {
                return UNKNOWN;
            }
            String stem = name.substring(0, name.length() - JSON.length());
            for (BaileysType<?> type : BaileysType.ALL) {
                if (stem.startsWith(type.name() + "-")) {
                    String id = type.ids().read(stem.substring(type.name().length() + 1));
                    return of(type, id).equals(name) ? new FileName(type, id, false) : UNKNOWN;
                }
            }
            return UNKNOWN;
        }

        static String of(BaileysType<?> type, String id) {
            return BaileysIds.write(type.name() + "-" + id) + JSON;
        }

        String typeName() {
            if (isCredentials) {
                return Contents.CREDENTIALS;
            }
            return type == null ? "" : type.type().name();
        }
    }

    @Override
    List<TransferItem> write(Contents contents, String context, boolean dryRun) {
        Map<String, byte[]> documents = new HashMap<>();
        List<TransferItem> items = new ArrayList<>();
        for (Found<?> found : contents.entries()) {
            items.add(item(found, documents));
        }
        byte[] credentials = contents.credentials();
        if (credentials != null) {
            items.add(credentialsItem(credentials, documents));
        }
        if (!dryRun) {
            NewFolder.write(folder, documents);
        } else {
            NewFolder.checkAbsent(folder);
        }
        return items;
    }

    private static TransferItem credentialsItem(byte[] credentials, Map<String, byte[]> documents) {
        String name = Contents.CREDENTIALS;
        try {
            BaileysValues.checkCredentials(credentials);
        } catch (DamagedException e) {
            String reason = "they are not those of Baileys: " + e.reason() + "; " + Losses.of(name);
            return new TransferItem(name, Fate.NOT_CARRIED, name, "", reason);
        }
        documents.put(CREDENTIALS_FILE, credentials);
        return new TransferItem(name, Fate.CARRIED, name, "", "");
    }

    private static <V> TransferItem item(Found<V> found, Map<String, byte[]> documents) {
        String name = found.type() + "/" + found.id();
        Fate fate = Fate.CARRIED;
        String reason = "";
        try {
            String file = fileOf(found);
            byte[] document = documentOf(found);
            if (documents.putIfAbsent(file, document) != null) {
                throw new DamagedException("another entry has the same name of a file: " + file);
            }
            reason = isProtobuf(found) ? NEWER_FORM : "";
        } catch (DamagedException e) {
            fate = Fate.NOT_CARRIED;
            reason = e.reason() + "; " + Losses.of(found.type().name());
        }
        return new TransferItem(name, fate, found.type().name(), found.id(), reason);
    }

    private static boolean isProtobuf(Found<?> found) {
        boolean isRecord = found.type().equals(KeyTypes.SESSION) || found.type().equals(KeyTypes.SENDER_KEY);
        return isRecord && found.encoded()[0] != '{' && found.encoded()[0] != '[';
    }

    private static <V> String fileOf(Found<V> found) throws DamagedException {
        if (found.type().equals(UNKNOWN_FILE)) {
            if (!FileName.parse(found.id()).equals(FileName.UNKNOWN)) {
                throw new DamagedException("the name of its file would be read as that of a key");
            }
            return NewFolder.checkName(found.id());
        }
        BaileysType<V> type = typeOf(found.type());
        String file = NewFolder.checkName(FileName.of(type, found.id()));
        if (!FileName.parse(file).id().equals(found.id())) {
            throw new DamagedException("the name of its file would be read as another id");
        }
        return file;
    }

    private static <V> byte[] documentOf(Found<V> found) throws DamagedException {
        byte[] bytes = found.encoded();
        if (found.type().equals(UNKNOWN_FILE)) {
            return bytes;
        }
        BaileysType<V> type = typeOf(found.type());
        byte[] document = type.writer().write(found.value());
        Contents again = new Contents();
        type.addTo(again, "", found.id(), document, "");
        if (!again.digests().equals(digestsOf(found))) {
            throw new DamagedException("Baileys has no form for a part of it");
        }
        return document;
    }

    private static <V> Map<String, EntryDigest> digestsOf(Found<V> found) throws DamagedException {
        Contents alone = new Contents();
        alone.add("", found.type(), found.id(), found.value(), "");
        return alone.digests();
    }

    @SuppressWarnings("unchecked") // a type is found by its equal type
    private static <V> BaileysType<V> typeOf(KeyType<V> type) throws DamagedException {
        for (BaileysType<?> candidate : BaileysType.ALL) {
            if (candidate.type().equals(type)) {
                return (BaileysType<V>) candidate;
            }
        }
        throw new DamagedException("Baileys has no such type");
    }
}
