package dev.keystore.architecture;

import java.util.Set;
import java.util.TreeSet;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.commons.ClassRemapper;
import org.objectweb.asm.commons.Remapper;

/**
 * The classes that a class file uses, by the names of their top-level classes.
 *
 * <p>A class whose constant the compiler inlined counts as used: javac leaves its name in the constant pool. A sealed
 * type doesn't use the types it permits unless its members do: the {@code permits} clause is part of its declaration.
 *
 * @param topLevelClass the class, or the one that it is nested in
 * @param uses the classes that it uses, itself excluded
 */
record ClassDependencies(String topLevelClass, Set<String> uses) {

    private static final int CONSTANT_CLASS = 7;

    static ClassDependencies of(byte[] classFile) {
        ClassReader reader = new ClassReader(classFile);
        Set<String> uses = constantPool(reader);
        Collector collector = new Collector();
        reader.accept(
                new ClassRemapper(Opcodes.ASM9, new ClassWriter(0), collector) {
                    @Override
                    public void visitPermittedSubclass(String name) {
                        uses.remove(topLevel(name));
                    }
                },
                0);
        uses.addAll(collector.names);
        String own = topLevel(reader.getClassName());
        uses.remove(own);
        return new ClassDependencies(own, uses);
    }

    private static Set<String> constantPool(ClassReader reader) {
        Set<String> names = new TreeSet<>();
        char[] buffer = new char[reader.getMaxStringLength()];
        for (int n = 1; n < reader.getItemCount(); n++) {
            int offset = reader.getItem(n);
            if (offset > 0 && reader.readByte(offset - 1) == CONSTANT_CLASS) {
                names.add(topLevel(reader.readUTF8(offset, buffer)));
            }
        }
        return names;
    }

    private static String topLevel(String internalName) {
        return internalName.replaceFirst("\\$.*", "").replace('/', '.');
    }

    /** Renames nothing; is asked about each type that the class file names. */
    private static final class Collector extends Remapper {

        private final Set<String> names = new TreeSet<>();

        Collector() {
            super(Opcodes.ASM9);
        }

        @Override
        public String map(String internalName) {
            names.add(topLevel(internalName));
            return internalName;
        }
    }
}
