package interop;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.grpc.Metadata;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * grpc-java as a peer. Takes commands on standard input, one JSON object a line, and answers likewise: see
 * ../../README.md.
 */
final class Agent {
    interface Operation {
        JsonObject run(Command command) throws Exception;
    }

    /** The arguments of an operation. */
    static final class Command {
        final JsonObject json;

        Command(JsonObject json) {
            this.json = json;
        }

        boolean has(String key) {
            return json.has(key) && !json.get(key).isJsonNull();
        }

        String text(String key) {
            return has(key) ? json.get(key).getAsString() : "";
        }

        int number(String key) {
            return has(key) ? json.get(key).getAsInt() : 0;
        }

        boolean is(String key) {
            return has(key) && json.get(key).getAsBoolean();
        }
    }

    static final ExecutorService THREADS = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    });

    private static final Map<String, Operation> OPERATIONS = Map.ofEntries(
            Map.entry("call", Client::call),
            Map.entry("load", Client::load),
            Map.entry("unknown", Standard::unknown),
            Map.entry("health", Standard::health),
            Map.entry("reflect", Standard::reflect),
            Map.entry("serve", PeerServer::serve),
            Map.entry("stop", PeerServer::stop),
            Map.entry("seen", PeerServer::seen),
            Map.entry("register", PeerProvider::register),
            Map.entry("provider", PeerProvider::state),
            Map.entry("leave", PeerProvider::leave));

    public static void main(String[] arguments) throws Exception {
        Gson gson = new Gson().newBuilder().serializeNulls().create();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Command command = new Command(JsonParser.parseString(line).getAsJsonObject());
            THREADS.execute(() -> {
                JsonObject answer = answer(command);
                answer.add("id", command.json.get("id"));
                byte[] bytes = (gson.toJson(answer) + "\n").getBytes(StandardCharsets.UTF_8);
                synchronized (System.out) {
                    System.out.write(bytes, 0, bytes.length);
                    System.out.flush();
                }
            });
        }
    }

    private static JsonObject answer(Command command) {
        try {
            return OPERATIONS.get(command.text("op")).run(command);
        } catch (Throwable error) {
            error.printStackTrace();
            JsonObject failed = new JsonObject();
            failed.addProperty("failed", error.toString());
            return failed;
        }
    }

    /** Metadata as JSON can carry it. */
    static JsonArray pairs(Metadata metadata) {
        JsonArray pairs = new JsonArray();
        if (metadata == null) {
            return pairs;
        }
        for (String key : metadata.keys()) {
            if (key.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
                for (byte[] value : metadata.getAll(Metadata.Key.of(key, Metadata.BINARY_BYTE_MARSHALLER))) {
                    pairs.add(pair(key, Base64.getEncoder().encodeToString(value)));
                }
            } else {
                for (String value : metadata.getAll(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER))) {
                    pairs.add(pair(key, value));
                }
            }
        }
        return pairs;
    }

    private static JsonArray pair(String key, String value) {
        JsonArray pair = new JsonArray();
        pair.add(key);
        pair.add(value);
        return pair;
    }

    private Agent() {}
}
