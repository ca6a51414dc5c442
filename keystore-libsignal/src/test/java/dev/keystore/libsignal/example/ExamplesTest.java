package dev.keystore.libsignal.example;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.libsignal.AccountRestoreRules;
import dev.keystore.libsignal.SignalAccount;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.invoke.MethodType;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("The examples, which the tests of this package run,")
class ExamplesTest {

    private static final String PACKAGE = "dev/keystore/libsignal/";
    private static final Path SOURCES = Path.of("src/test/java/" + PACKAGE + "example");
    private static final Path PAGE = Path.of("../docs/libsignal.md");

    /** A method that an example calls or refers to. */
    private static final Pattern CALLED =
            Pattern.compile("Methodref .*// " + PACKAGE + "([\\w$]+)\\.\"?([\\w<>]+)\"?:(\\S+)");

    /** An interface that an example implements by a lambda. */
    private static final Pattern IMPLEMENTED =
            Pattern.compile("InvokeDynamic .*:(\\w+):\\(\\S*\\)L" + PACKAGE + "([\\w$]+);");

    @Test
    @DisplayName("show every public method of the module")
    void examples_showEveryPublicMethod() throws Exception {
        Set<String> shown = shown();
        Set<String> missing = new TreeSet<>();
        for (Class<?> type : publicTypes()) {
            for (String method : methods(type)) {
                if (!shown.contains(method)) {
                    missing.add(method);
                }
            }
        }

        assertThat(missing).as("public methods that no example uses").isEmpty();
    }

    @Test
    @DisplayName("contain every example of docs/libsignal.md")
    void page_examples_arePartsOfTheseSources() throws Exception {
        List<String> sources = new ArrayList<>();
        try (Stream<Path> files = Files.list(SOURCES)) {
            for (Path file : files.toList()) {
                sources.add(lines(Files.readString(file)));
            }
        }
        List<String> examples = Pattern.compile("(?ms)^```java\\R(.*?)^```")
                .matcher(Files.readString(PAGE))
                .results()
                .map(match -> match.group(1))
                .toList();

        assertThat(examples).hasSizeGreaterThan(5);
        assertThat(examples)
                .allSatisfy(example -> assertThat(sources).anyMatch(source -> source.contains(lines(example))));
    }

    /** Returns the lines of a text without indentation and empty lines. */
    private static String lines(String text) {
        return text.lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .collect(Collectors.joining("\n", "\n", "\n"));
    }

    private static List<Class<?>> publicTypes() throws Exception {
        Path folder = Path.of(location(SignalAccount.class)).resolve(PACKAGE);
        List<Class<?>> types = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (name.endsWith(".class") && !name.equals("package-info.class")) {
                    Class<?> type = Class.forName(
                            (PACKAGE + name.substring(0, name.length() - ".class".length())).replace('/', '.'));
                    if (isPublic(type) && type != AccountRestoreRules.class) { // which the engine calls as a service
                        types.add(type);
                    }
                }
            }
        }
        assertThat(types).hasSizeGreaterThan(20);
        return types;
    }

    private static boolean isPublic(Class<?> type) {
        return Modifier.isPublic(type.getModifiers())
                && (type.getDeclaringClass() == null || isPublic(type.getDeclaringClass()));
    }

    private static URI location(Class<?> type) throws Exception {
        return type.getProtectionDomain().getCodeSource().getLocation().toURI();
    }

    /**
     * Returns the public methods and constructors that a type declares, without those that every record or enum has,
     * and those of interfaces of libsignal and the JDK.
     */
    private static List<String> methods(Class<?> type) {
        List<String> methods = new ArrayList<>();
        for (Method method : type.getDeclaredMethods()) {
            if (Modifier.isPublic(method.getModifiers())
                    && !method.isSynthetic()
                    && !(type.isEnum() && Modifier.isStatic(method.getModifiers()))
                    && !isOfAnotherInterface(type, method)) {
                methods.add(name(
                        type,
                        method.getName(),
                        MethodType.methodType(method.getReturnType(), method.getParameterTypes())));
            }
        }
        if (!type.isRecord()) {
            for (Constructor<?> constructor : type.getConstructors()) {
                methods.add(name(type, "<init>", MethodType.methodType(void.class, constructor.getParameterTypes())));
            }
        }
        return methods;
    }

    private static boolean isOfAnotherInterface(Class<?> type, Method method) {
        return Stream.concat(Stream.of(Object.class), Arrays.stream(type.getInterfaces()))
                .filter(each -> !each.getName().startsWith("dev.keystore.libsignal."))
                .flatMap(each -> Arrays.stream(each.getMethods()))
                .anyMatch(each -> each.getName().equals(method.getName())
                        && Arrays.equals(each.getParameterTypes(), method.getParameterTypes()));
    }

    private static String name(Class<?> type, String method, MethodType signature) {
        return type.getName().substring(type.getPackageName().length() + 1) + "." + method
                + signature.toMethodDescriptorString();
    }

    /** Returns the methods of the module that the compiled examples call, and those that they implement. */
    private static Set<String> shown() throws Exception {
        Set<String> shown = new TreeSet<>();
        List<String> classes = new ArrayList<>();
        Path folder = Path.of(location(ExamplesTest.class)).resolve(PACKAGE + "example");
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                classes.add(file.toString());
                addOverrides(file, shown);
            }
        }
        String code = disassembled(classes);
        CALLED.matcher(code)
                .results()
                .map(call -> call.group(1) + "." + call.group(2) + call.group(3))
                .forEach(shown::add);
        Set<String> implemented = IMPLEMENTED
                .matcher(code)
                .results()
                .map(lambda -> lambda.group(2) + "." + lambda.group(1))
                .collect(Collectors.toSet());
        for (Class<?> type : publicTypes()) {
            methods(type).stream()
                    .filter(method -> implemented.contains(method.substring(0, method.indexOf('('))))
                    .forEach(shown::add);
        }
        return shown;
    }

    private static void addOverrides(Path file, Set<String> shown) throws ClassNotFoundException {
        String name = file.getFileName().toString().replace(".class", "");
        Class<?> example = Class.forName((PACKAGE + "example/" + name).replace('/', '.'));
        for (Class<?> implemented : example.getInterfaces()) {
            for (Method method : example.getDeclaredMethods()) {
                shown.add(name(
                        implemented,
                        method.getName(),
                        MethodType.methodType(method.getReturnType(), method.getParameterTypes())));
            }
        }
    }

    private static String disassembled(List<String> classes) {
        StringWriter out = new StringWriter();
        PrintWriter writer = new PrintWriter(out);
        List<String> arguments = new ArrayList<>(List.of("-v", "-p"));
        arguments.addAll(classes);
        int result =
                ToolProvider.findFirst("javap").orElseThrow().run(writer, writer, arguments.toArray(String[]::new));
        assertThat(result).as("result of javap").isZero();
        return out.toString();
    }
}
