package dev.keystore.interop;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Reads JSON strictly, with limits, and without showing a byte of it in a message (R45). */
final class StrictJson {

    static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private static final int MAXIMUM_DEPTH = 64;
    private static final int MAXIMUM_NUMBER_CHARACTERS = 40;
    private static final int MAXIMUM_NAME_CHARACTERS = 2_048;

    /** Enough for the state of a collection with 200,000 MACs; a tree of so many has about 100 MB. */
    private static final long MAXIMUM_TOKENS = 2_000_000;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAXIMUM_DEPTH)
                            .maxNumberLength(MAXIMUM_NUMBER_CHARACTERS)
                            .maxNameLength(MAXIMUM_NAME_CHARACTERS)
                            .maxTokenCount(MAXIMUM_TOKENS)
                            .build())
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private StrictJson() {}

    /** Reads one document. */
    static JsonNode read(byte[] bytes) throws DamagedException {
        if (bytes.length == 0) {
            throw new DamagedException("it is empty");
        }
        JsonNode node;
        try {
            node = MAPPER.readTree(StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString());
        } catch (CharacterCodingException e) {
            throw new DamagedException("it is not text in UTF-8");
        } catch (JsonEOFException e) {
            throw new DamagedException("it is cut: its JSON ends too early");
        } catch (JsonProcessingException e) {
            throw new DamagedException(
                    "it is not JSON that can be read, at " + (e.getLocation() == null ? "an unknown place" : place(e)));
        }
        if (node.isMissingNode()) {
            throw new DamagedException("it is blank");
        }
        return node;
    }

    private static String place(JsonProcessingException e) {
        return "line " + e.getLocation().getLineNr() + ", column "
                + e.getLocation().getColumnNr();
    }

    static byte[] write(JsonNode node) {
        try {
            return MAPPER.writeValueAsBytes(node);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("A tree of JSON could not be written", e);
        }
    }

    static ObjectNode object() {
        return NODES.objectNode();
    }
}
