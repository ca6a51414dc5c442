package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The fields of a JSON object, of which each must be taken: a field that would be lost is an error. */
final class JsonFields {

    private final JsonNode object;
    private final Set<String> taken = new HashSet<>();

    JsonFields(@Nullable JsonNode object) throws DamagedException {
        if (object == null || !object.isObject()) {
            throw new DamagedException("an object is expected where something else is");
        }
        this.object = object;
    }

    /** Takes a field that may be missing or null; both are returned as null. */
    @Nullable
    JsonNode find(String name) {
        taken.add(name);
        JsonNode value = object.get(name);
        return value == null || value.isNull() ? null : value;
    }

    JsonNode take(String name) throws DamagedException {
        JsonNode value = find(name);
        if (value == null) {
            throw new DamagedException("its field \"" + name + "\" is missing");
        }
        return value;
    }

    JsonFields object(String name) throws DamagedException {
        return new JsonFields(take(name));
    }

    /** Takes bytes in any form, base64 that stands alone included. */
    byte[] bytes(String name) throws DamagedException {
        return Buffers.read(take(name));
    }

    byte[] bytes(String name, int length) throws DamagedException {
        byte[] bytes = bytes(name);
        if (bytes.length != length) {
            throw new DamagedException(
                    "its field \"" + name + "\" has " + bytes.length + " bytes in place of " + length);
        }
        return bytes;
    }

    /** Takes a number that may be written as text. */
    long number(String name, long minimum, long maximum) throws DamagedException {
        return number(name, take(name), minimum, maximum);
    }

    static long number(String name, JsonNode value, long minimum, long maximum) throws DamagedException {
        long number;
        if (value.isIntegralNumber() && value.canConvertToLong()) {
            number = value.longValue();
        } else if (value.isTextual()) {
            try {
                number = Long.parseLong(value.textValue());
            } catch (NumberFormatException e) {
                throw new DamagedException("its field \"" + name + "\" is not a number");
            }
            if (!Long.toString(number).equals(value.textValue())) {
                throw new DamagedException("its field \"" + name + "\" is not a number in its usual form");
            }
        } else {
            throw new DamagedException("its field \"" + name + "\" is not a whole number");
        }
        if (number < minimum || number > maximum) {
            throw new DamagedException("its field \"" + name + "\" is out of range");
        }
        return number;
    }

    /** Refuses fields that were not taken. */
    void end() throws DamagedException {
        refuse(unknown());
    }

    /** Returns the number of fields that were not taken. */
    int unknown() {
        int unknown = 0;
        for (var names = object.fieldNames(); names.hasNext(); ) {
            if (!taken.contains(names.next())) {
                unknown++;
            }
        }
        return unknown;
    }

    /** Refuses fields that are not known, if there are any. */
    static void refuse(int unknown) throws DamagedException {
        if (unknown > 0) {
            throw new DamagedException("it has " + unknown + " fields that are not known, which would be lost");
        }
    }
}
