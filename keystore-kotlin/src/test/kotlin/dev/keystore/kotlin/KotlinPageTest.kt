package dev.keystore.kotlin

import java.io.ByteArrayOutputStream
import java.io.File
import java.io.PrintStream
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import org.assertj.core.api.Assertions.assertThat
import org.jetbrains.kotlin.cli.jvm.K2JVMCompiler
import org.junit.jupiter.api.DisplayName
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir

/** Compiles and runs the code of `docs/kotlin.md`, and checks what the compiler says of null. */
@Timeout(120)
class KotlinPageTest {

    @TempDir
    lateinit var folder: Path

    private val classPath: String =
        System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")

    /** Compiles a file for each source, by its name, and returns what the compiler says. */
    private fun compile(sources: Map<String, String>): String {
        val files = sources.map { (name, source) -> Files.writeString(folder.resolve("$name.kt"), source).toString() }
        val messages = ByteArrayOutputStream()
        val options = listOf("-no-stdlib", "-no-reflect", "-jvm-target", "17", "-classpath", classPath, "-d", "$folder")
        K2JVMCompiler().exec(PrintStream(messages, true, Charsets.UTF_8), *(options + files).toTypedArray())
        return messages.toString(Charsets.UTF_8)
    }

    /** Runs the main function of a compiled file, and returns the last line that it prints. */
    private fun run(name: String): String {
        val output = folder.resolve("$name.out").toFile()
        val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
        val process = ProcessBuilder(
            java, "-Djava.io.tmpdir=$folder", "-classpath", "$folder${File.pathSeparator}$classPath", "${name}Kt",
        ).directory(folder.toFile()).redirectOutput(output).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue()
        assertThat(process.exitValue()).isZero()
        return output.readLines().last()
    }

    @Test
    @DisplayName("R27 the examples of docs/kotlin.md compile, run and print what they should; results may be null")
    fun page_examples_printWhatTheySay() {
        val page = Files.readString(Path.of("..", "docs", "kotlin.md"))
        val examples = Regex("(?ms)^```kotlin\\R(.*?)^```").findAll(page).map { it.groupValues[1] }.toList()
        assertThat(examples).hasSize(3)
        val lines = Regex("(?m)^ {4}(val .*)").findAll(page).map { it.groupValues[1] }.toList()
        assertThat(lines).hasSize(1)
        val right = lines + listOf(
            "val absent: String? = alice.find(KeyTypes.LID_MAPPING, \"a\")",
            "val context: Int = store.context().length",
            "val read: Int = store.get(KeyTypes.LID_MAPPING, listOf(\"a\")).values.sumOf { it.length }",
            "val none: String? = store.withTransaction(\"k\") { it.find(KeyTypes.LID_MAPPING, \"a\").getOrNull() }",
            "val named: Int = store.transaction<_, Exception>(\"k\") { tx -> tx.context().length }",
            "val nothing: String? = alice.transaction(\"k\") { null }",
        )

        val sources = listOf("First", "Second", "Third").zip(examples).toMap() + ("Right" to functions(right))

        val messages = compile(sources)

        assertThat(messages).doesNotContain("error:").doesNotContainPattern("(First|Second|Third)\\.kt.*warning:")
        assertThat(run("First")).isEqualTo("1234")
        assertThat(run("Second")).isEqualTo("[bob, carol]")
        assertThat(run("Third")).isEqualTo("false")
    }

    @Test
    @DisplayName("the classes are of the language version that the page says, so that its compiler can read them")
    fun classes_areOfTheVersionOfThePage() {
        val page = Files.readString(Path.of("..", "docs", "kotlin.md"))
        val needed = Regex("It needs Kotlin (\\d)\\.(\\d) or later").find(page)!!.groupValues.drop(1).map(String::toInt)

        val written = CoroutineKeyStore::class.java.getAnnotation(Metadata::class.java).metadataVersion

        assertThat(written.take(2)).isEqualTo(needed)
    }

    @Test
    @DisplayName("null where it is not allowed, a blocking transaction that suspends, and that of Java do not compile")
    fun code_wrong_doesNotCompile() {
        val nullRefused = "null cannot be a value of a non-null type 'String'"
        val maybeNull = "expected 'String', actual 'String?'"
        val typeUnknown = "cannot infer type for type parameter 'X'"
        val wrong = listOf(
            "store.put(KeyTypes.LID_MAPPING, \"a\", null)" to nullRefused,
            "store.find(KeyTypes.LID_MAPPING, null)" to nullRefused,
            "val value: String = store.find(KeyTypes.LID_MAPPING, \"a\").getOrNull()" to maybeNull,
            "val value: String = alice.find(KeyTypes.LID_MAPPING, \"a\")" to maybeNull,
            "alice.transaction(\"k\") { tx -> tx.put(KeyTypes.LID_MAPPING, \"a\", null) }" to nullRefused,
            "val value: String = store.withTransaction(\"k\") { null }" to nullRefused,
            "store.transaction(\"k\") { tx -> tx.context() }" to typeUnknown,
            "fun SignalKeyStore.transaction(k: String, w: (Transaction) -> Int) { withTransaction(k, w) }; " +
                "store.transaction(\"k\") { 1 }" to typeUnknown,
            "store.withTransaction(\"k\") { kotlinx.coroutines.delay(1) }" to "only be called within coroutine body",
        )

        val messages = compile(mapOf("Wrong" to functions(wrong.map { it.first })))

        val errors = Regex("Wrong\\.kt:(\\d+):\\d+: error: (.*)").findAll(messages).map { it.groupValues }.toList()
        assertThat(errors.map { it[1].toInt() }).containsExactlyElementsOf(1..wrong.size)
        errors.zip(wrong).forEach { (error, expected) -> assertThat(error[2]).contains(expected.second) }
    }

    /** Returns a source with a function for each statement, on the line of its number. */
    private fun functions(statements: List<String>): String {
        val imports = "import dev.keystore.*; import dev.keystore.kotlin.*; import kotlin.jvm.optionals.getOrNull;"
        return statements.withIndex().joinToString("\n", imports) { (n, statement) ->
            "private suspend fun f$n(store: SignalKeyStore, alice: CoroutineKeyStore) { $statement }"
        }
    }
}
