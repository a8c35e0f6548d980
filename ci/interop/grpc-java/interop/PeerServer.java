package interop;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import constellation.provider.v1.ModuleExecutorGrpc;
import constellation.provider.v1.Provider.ExecuteRequest;
import constellation.provider.v1.Provider.ExecuteResponse;
import interop.Agent.Command;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import module.Module;
import module.ModuleServiceGrpc;

/** grpc-java is called by us. What a handler does is said by the data of its call: see ../../README.md. */
final class PeerServer {
    private static final Map<Integer, PeerServer> SERVERS = new ConcurrentHashMap<>();
    private static final Context.Key<Metadata> HEADERS = Context.key("headers");

    private final List<JsonObject> seen = new ArrayList<>();
    private Server grpc;

    static JsonObject serve(Command command) throws Exception {
        PeerServer server = new PeerServer();
        NettyServerBuilder builder = NettyServerBuilder.forAddress(
                        new InetSocketAddress("127.0.0.1", command.number("port")))
                .executor(Agent.THREADS)
                .intercept(new Headers(command.is("gzip")));
        if (command.has("streams")) {
            builder.maxConcurrentCallsPerConnection(command.number("streams"));
        }
        if (command.has("age_ms")) {
            builder.maxConnectionAge(command.number("age_ms"), TimeUnit.MILLISECONDS);
            builder.maxConnectionAgeGrace(command.number("age_grace_ms"), TimeUnit.MILLISECONDS);
        }
        ServerServiceDefinition modules = server.new Modules().bindService();
        if (command.is("only_message")) {
            modules = ServerServiceDefinition.builder("module.ModuleService")
                    .addMethod(modules.getMethod("module.ModuleService/Message"))
                    .build();
        }
        server.grpc = builder.addService(modules).addService(server.new Executor()).build().start();
        SERVERS.put(server.grpc.getPort(), server);
        JsonObject result = new JsonObject();
        result.addProperty("port", server.grpc.getPort());
        return result;
    }

    static JsonObject stop(Command command) throws InterruptedException {
        Server grpc = SERVERS.get(command.number("port")).grpc;
        grpc.shutdown();
        if (!grpc.awaitTermination(command.number("grace_ms"), TimeUnit.MILLISECONDS)) {
            grpc.shutdownNow().awaitTermination();
        }
        return new JsonObject();
    }

    static JsonObject seen(Command command) {
        PeerServer server = SERVERS.get(command.number("port"));
        JsonArray calls = new JsonArray();
        synchronized (server.seen) {
            for (JsonObject call : server.seen) {
                if (call.get("mark").getAsString().equals(command.text("mark"))) {
                    calls.add(call.deepCopy());
                }
            }
        }
        JsonObject result = new JsonObject();
        result.add("calls", calls);
        return result;
    }

    private final class Modules extends ModuleServiceGrpc.ModuleServiceImplBase {
        @Override
        public void send(Module.Message request, StreamObserver<Module.Response> answers) {
            answer(answers, "Send", request.getData().toStringUtf8(), request.getMetadataMap(), data ->
                    Module.Response.newBuilder().setData(ByteString.copyFromUtf8(data)).build());
        }

        @Override
        public void message(Module.MessageRequest request, StreamObserver<Module.MessageResponse> answers) {
            answer(answers, "Message", request.getPayload().toStringUtf8(), Map.of(), data ->
                    Module.MessageResponse.newBuilder().setData(ByteString.copyFromUtf8(data)).build());
        }
    }

    private final class Executor extends ModuleExecutorGrpc.ModuleExecutorImplBase {
        @Override
        public void execute(ExecuteRequest request, StreamObserver<ExecuteResponse> answers) {
            JsonObject input = JsonParser.parseString(request.getInputData().toStringUtf8()).getAsJsonObject();
            String text = input.getAsJsonObject("value").getAsJsonObject("text").get("value").getAsString();
            answer(answers, "Execute", text, request.getMetadataMap(), data -> {
                JsonObject output = JsonParser.parseString(
                                "{\"tag\":\"CProduct\",\"value\":{\"text\":{\"tag\":\"CString\"}},\"structure\":{\"text\":{\"tag\":\"CString\"}}}")
                        .getAsJsonObject();
                output.getAsJsonObject("value").getAsJsonObject("text").addProperty("value", data);
                return ExecuteResponse.newBuilder()
                        .setOutputData(ByteString.copyFromUtf8(output.toString()))
                        .build();
            });
        }
    }

    private <A> void answer(
            StreamObserver<A> answers, String method, String data, Map<String, String> map, Function<String, A> of) {
        try {
            answers.onNext(of.apply(work(method, data, map)));
            answers.onCompleted();
        } catch (Throwable error) {
            answers.onError(error);
        }
    }

    /** Does what the data says, and keeps what was seen of calls that have a mark. */
    private String work(String method, String data, Map<String, String> map) throws Exception {
        JsonObject order = orderIn(data);
        if (order == null) {
            return data;
        }
        JsonObject call = new JsonObject();
        call.add("mark", order.get("mark"));
        call.addProperty("method", method);
        Deadline deadline = Context.current().getDeadline();
        call.addProperty("deadline_ms", deadline == null ? null : deadline.timeRemaining(TimeUnit.MILLISECONDS));
        JsonObject fields = new JsonObject();
        map.forEach(fields::addProperty);
        call.add("map", fields);
        call.add("metadata", Agent.pairs(HEADERS.get()));
        call.add("ended", null);
        call.add("ms", null);
        if (order.has("mark")) {
            synchronized (seen) {
                seen.add(call);
            }
        }
        if (order.has("sleep")) {
            CountDownLatch gone = new CountDownLatch(1);
            Context.current().addListener(context -> gone.countDown(), Runnable::run);
            long began = System.nanoTime();
            boolean cancelled = gone.await(order.get("sleep").getAsInt(), TimeUnit.MILLISECONDS);
            synchronized (seen) {
                call.addProperty("ended", cancelled ? "cancelled" : "slept");
                call.addProperty("ms", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began));
            }
        }
        if (order.has("status")) {
            String text = order.has("text") ? order.get("text").getAsString() : "";
            throw Status.fromCodeValue(order.get("status").getAsInt()).withDescription(text).asException();
        }
        return order.has("blob") ? "\"" + "x".repeat(order.get("blob").getAsInt()) + "\"" : data;
    }

    private static JsonObject orderIn(String data) {
        try {
            JsonElement order = JsonParser.parseString(data);
            return order.isJsonObject() ? order.getAsJsonObject() : null;
        } catch (JsonParseException error) {
            return null;
        }
    }

    /** Keeps the headers of each call for its handler, and has its answer compressed, if that is asked for. */
    private static final class Headers implements ServerInterceptor {
        private final boolean gzip;

        Headers(boolean gzip) {
            this.gzip = gzip;
        }

        @Override
        public <Q, A> ServerCall.Listener<Q> interceptCall(
                ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
            if (gzip) {
                call.setCompression("gzip");
            }
            return Contexts.interceptCall(Context.current().withValue(HEADERS, headers), call, headers, next);
        }
    }
}
