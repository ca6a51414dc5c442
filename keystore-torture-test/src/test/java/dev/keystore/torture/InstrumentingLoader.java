package dev.keystore.torture;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Handle;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * Loads the engine and the backends once more, with a call of {@link CallSites#before} in front of each call that their
 * methods make. All else comes from the parent.
 */
final class InstrumentingLoader extends ClassLoader {

    private static final List<String> INSTRUMENTED =
            List.of("dev.keystore.core.", "dev.keystore.jdbc.", "dev.keystore.mapdb.", "dev.keystore.spi.support.");
    private static final String CHILD = "dev.keystore.torture.child.";

    private final AtomicInteger sites = new AtomicInteger();
    private final List<String> places = new java.util.concurrent.CopyOnWriteArrayList<>();

    InstrumentingLoader() {
        super(InstrumentingLoader.class.getClassLoader());
    }

    /** Returns where a call site is, for messages. */
    String place(int site) {
        return places.get(site);
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        boolean instrumented = INSTRUMENTED.stream().anyMatch(name::startsWith);
        if (!instrumented && !name.startsWith(CHILD)) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> known = findLoadedClass(name);
            return known == null ? define(name, instrumented) : known;
        }
    }

    private Class<?> define(String name, boolean instrumented) throws ClassNotFoundException {
        try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
            if (in == null) {
                throw new ClassNotFoundException(name);
            }
            byte[] code = in.readAllBytes();
            byte[] defined = instrumented ? instrument(code) : code;
            return defineClass(name, defined, 0, defined.length);
        } catch (IOException e) {
            throw new ClassNotFoundException(name, e);
        }
    }

    private synchronized byte[] instrument(byte[] code) {
        ClassReader reader = new ClassReader(code);
        ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
        String name = reader.getClassName();
        reader.accept(
                new ClassVisitor(Opcodes.ASM9, writer) {
                    @Override
                    public MethodVisitor visitMethod(
                            int access, String method, String descriptor, String signature, String[] exceptions) {
                        MethodVisitor next = super.visitMethod(access, method, descriptor, signature, exceptions);
                        return method.equals("<clinit>") ? next : new CallVisitor(next, name + "." + method);
                    }
                },
                0);
        return writer.toByteArray();
    }

    /** A class whose initialization failed stays unusable, so initializers are left alone. */
    private final class CallVisitor extends MethodVisitor {

        private final String method;
        private int line;

        CallVisitor(MethodVisitor next, String method) {
            super(Opcodes.ASM9, next);
            this.method = method;
        }

        @Override
        public void visitLineNumber(int line, Label start) {
            this.line = line;
            super.visitLineNumber(line, start);
        }

        @Override
        public void visitMethodInsn(int opcode, String owner, String name, String descriptor, boolean isInterface) {
            before(owner + "." + name);
            super.visitMethodInsn(opcode, owner, name, descriptor, isInterface);
        }

        @Override
        public void visitInvokeDynamicInsn(String name, String descriptor, Handle handle, Object... arguments) {
            before(name);
            super.visitInvokeDynamicInsn(name, descriptor, handle, arguments);
        }

        private void before(String called) {
            places.add(method + ":" + line + " calls " + called);
            super.visitLdcInsn(sites.getAndIncrement());
            super.visitMethodInsn(Opcodes.INVOKESTATIC, "dev/keystore/torture/CallSites", "before", "(I)V", false);
        }
    }
}
