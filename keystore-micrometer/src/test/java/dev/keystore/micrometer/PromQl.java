package dev.keystore.micrometer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A strict parser of the part of PromQL that the dashboard and the alert rules use. It knows fewer functions than
 * Prometheus, and checks the types of operands and that only counters have a rate.
 */
final class PromQl {

    private enum Type {
        SCALAR,
        VECTOR,
        RANGE
    }

    private static final Pattern TOKEN = Pattern.compile(
            "\\s*([a-zA-Z_][a-zA-Z0-9_]*" // name or keyword
                    + "|[0-9]+(?:ms|[smhdwy])\\b|[0-9]+(?:[.][0-9]+)?(?![a-zA-Z0-9_.])" // duration, number
                    + "|[$][a-z_]+|\"[^\"\\\\]*\"" // variable, string
                    + "|==|!=|>=|<=|=~|!~|[-+*/%^<>=(){}\\[\\],])");
    private static final Pattern DURATION = Pattern.compile("(?:[0-9]+(?:ms|[smhdwy]))|[$]__rate_interval");
    private static final Pattern NAME = Pattern.compile("[a-zA-Z_][a-zA-Z0-9_]*");
    private static final Pattern COUNTER = Pattern.compile("[a-z_]+_(?:total|count|sum|bucket)");

    private static final Set<String> AGGREGATIONS = Set.of("sum", "min", "max", "avg", "count");
    private static final Set<String> FUNCTIONS = Set.of("rate", "increase");
    private static final Set<String> COMPARISONS = Set.of("==", "!=", ">", "<", ">=", "<=");
    private static final Set<String> SET_OPERATORS = Set.of("and", "or", "unless");
    private static final Map<String, Integer> PRECEDENCE = Map.ofEntries(
            Map.entry("or", 1),
            Map.entry("and", 2),
            Map.entry("unless", 2),
            Map.entry("==", 3),
            Map.entry("!=", 3),
            Map.entry(">", 3),
            Map.entry("<", 3),
            Map.entry(">=", 3),
            Map.entry("<=", 3),
            Map.entry("+", 4),
            Map.entry("-", 4),
            Map.entry("*", 5),
            Map.entry("/", 5));

    private final List<String> tokens = new ArrayList<>();
    private final String text;
    private int next;

    private PromQl(String text) {
        this.text = text;
        Matcher matcher = TOKEN.matcher(text);
        int end = 0;
        while (end < text.length()) {
            if (!matcher.find(end) || matcher.start() != end) {
                throw new IllegalArgumentException("no token at " + end + " of " + text);
            }
            tokens.add(matcher.group(1));
            end = matcher.end();
        }
    }

    /** Throws {@link IllegalArgumentException} unless the text is an expression whose value is an instant vector. */
    static void check(String text) {
        PromQl parser = new PromQl(text);
        Type type = parser.expression(1);
        parser.require(parser.next == parser.tokens.size() && type == Type.VECTOR);
    }

    /** Throws {@link IllegalArgumentException} unless the text is a duration. */
    static void checkDuration(String text) {
        if (!DURATION.matcher(text).matches()) {
            throw new IllegalArgumentException("not a duration: " + text);
        }
    }

    private void require(boolean condition) {
        if (!condition) {
            throw new IllegalArgumentException("unexpected token " + next + " (\"" + peek() + "\") of " + text);
        }
    }

    private String peek() {
        return next < tokens.size() ? tokens.get(next) : "";
    }

    private boolean accept(String token) {
        boolean found = peek().equals(token);
        next += found ? 1 : 0;
        return found;
    }

    private void expect(String token) {
        require(accept(token));
    }

    private String take(Pattern pattern) {
        require(pattern.matcher(peek()).matches());
        return tokens.get(next++);
    }

    private Type expression(int lowest) {
        Type left = operand();
        while (PRECEDENCE.getOrDefault(peek(), 0) >= lowest) {
            String operator = tokens.get(next++);
            if (accept("on") || accept("ignoring")) {
                labels();
            }
            Type right = expression(PRECEDENCE.get(operator) + 1);
            require(left != Type.RANGE && right != Type.RANGE);
            boolean scalars = left == Type.SCALAR && right == Type.SCALAR;
            require(!scalars || !COMPARISONS.contains(operator));
            require(!SET_OPERATORS.contains(operator) || (left == Type.VECTOR && right == Type.VECTOR));
            left = scalars ? Type.SCALAR : Type.VECTOR;
        }
        return left;
    }

    private Type operand() {
        if (accept("(")) {
            Type type = expression(1);
            expect(")");
            return type;
        }
        if (Character.isDigit(peek().isEmpty() ? ' ' : peek().charAt(0))) {
            require(!DURATION.matcher(peek()).matches());
            next++;
            return Type.SCALAR;
        }
        String name = take(NAME);
        require(!SET_OPERATORS.contains(name));
        if (AGGREGATIONS.contains(name)) {
            if (accept("by") || accept("without")) {
                labels();
            }
            argument(Type.VECTOR);
            return Type.VECTOR;
        }
        if (FUNCTIONS.contains(name)) {
            require(COUNTER.matcher(next + 1 < tokens.size() ? tokens.get(next + 1) : "")
                    .matches());
            argument(Type.RANGE);
            return Type.VECTOR;
        }
        return selector();
    }

    private void argument(Type type) {
        expect("(");
        require(expression(1) == type);
        expect(")");
    }

    private Type selector() {
        if (accept("{")) {
            do {
                take(NAME);
                require(accept("=") || accept("=~") || accept("!=") || accept("!~"));
                take(Pattern.compile("\".*\""));
            } while (accept(","));
            expect("}");
        }
        Type type = Type.VECTOR;
        if (accept("[")) {
            take(DURATION);
            expect("]");
            type = Type.RANGE;
        }
        if (accept("offset")) {
            take(DURATION);
        }
        return type;
    }

    private void labels() {
        expect("(");
        do {
            take(NAME);
        } while (accept(","));
        expect(")");
    }
}
