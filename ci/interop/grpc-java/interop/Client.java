package interop;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import interop.Agent.Command;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.MetadataUtils;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import module.Module;
import module.ModuleServiceGrpc;

/** grpc-java calls us. */
final class Client {
    private static final Map<String, ManagedChannel> CHANNELS = new HashMap<>();

    /** Commands with the same target and the same channel share one. */
    static synchronized ManagedChannel channel(Command command) {
        return CHANNELS.computeIfAbsent(command.text("target") + " " + command.text("channel"), key -> {
            NettyChannelBuilder builder = NettyChannelBuilder.forTarget(command.text("target")).usePlaintext();
            if (command.has("max_receive")) {
                builder.maxInboundMessageSize(command.number("max_receive"));
            }
            if (command.has("keepalive_ms")) {
                builder.keepAliveTime(command.number("keepalive_ms"), TimeUnit.MILLISECONDS);
                builder.keepAliveWithoutCalls(true);
            }
            return builder.build();
        });
    }

    static JsonObject call(Command command) throws Exception {
        AtomicReference<Metadata> headers = new AtomicReference<>();
        AtomicReference<Metadata> trailers = new AtomicReference<>();
        ModuleServiceGrpc.ModuleServiceFutureStub stub = with(command, ModuleServiceGrpc.newFutureStub(channel(command)))
                .withInterceptors(MetadataUtils.newCaptureMetadataInterceptor(headers, trailers));
        ByteString data = ByteString.copyFromUtf8(command.text("data"));
        boolean isSend = command.text("method").equals("Send");
        long began = System.nanoTime();
        ListenableFuture<?> future = isSend
                ? stub.send(Module.Message.newBuilder()
                        .setTo(command.text("to"))
                        .setData(data)
                        .putAllMetadata(map(command))
                        .build())
                : stub.message(Module.MessageRequest.newBuilder()
                        .setTo(command.text("to"))
                        .setPayload(data)
                        .build());
        if (command.has("cancel_ms")) {
            Thread.sleep(command.number("cancel_ms"));
            future.cancel(true);
        }
        JsonObject result = ended(future);
        result.add("headers", Agent.pairs(headers.get()));
        result.add("trailers", Agent.pairs(trailers.get()));
        result.addProperty("ms", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began));
        return result;
    }

    private static JsonObject ended(Future<?> future) throws InterruptedException {
        String code = "OK";
        String message = "";
        String data = "";
        String error = "";
        try {
            Object answer = future.get();
            if (answer instanceof Module.Response) {
                data = ((Module.Response) answer).getData().toStringUtf8();
                error = ((Module.Response) answer).getError();
            } else {
                data = ((Module.MessageResponse) answer).getData().toStringUtf8();
            }
        } catch (CancellationException cancelled) {
            code = "CANCELLED";
        } catch (ExecutionException failed) {
            Status status = Status.fromThrowable(failed);
            code = status.getCode().name();
            message = status.getDescription() == null ? "" : status.getDescription();
        }
        JsonObject result = new JsonObject();
        result.addProperty("code", code);
        result.addProperty("message", message);
        result.addProperty("data", data);
        result.addProperty("error", error);
        return result;
    }

    /** A stub with what a command says of its call. */
    static <S extends AbstractStub<S>> S with(Command command, S stub) {
        Metadata metadata = new Metadata();
        if (command.has("metadata")) {
            for (JsonElement pair : command.json.getAsJsonArray("metadata")) {
                String key = pair.getAsJsonArray().get(0).getAsString();
                String value = pair.getAsJsonArray().get(1).getAsString();
                if (key.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
                    byte[] bytes = Base64.getDecoder().decode(value);
                    metadata.put(Metadata.Key.of(key, Metadata.BINARY_BYTE_MARSHALLER), bytes);
                } else {
                    metadata.put(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER), value);
                }
            }
        }
        S with = stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
        if (command.has("timeout_ms")) {
            with = with.withDeadlineAfter(command.number("timeout_ms"), TimeUnit.MILLISECONDS);
        }
        if (command.is("wait")) {
            with = with.withWaitForReady();
        }
        if (command.is("gzip")) {
            with = with.withCompression("gzip");
        }
        return with;
    }

    private static Map<String, String> map(Command command) {
        Map<String, String> map = new HashMap<>();
        if (command.has("map")) {
            command.json.getAsJsonObject("map").entrySet().forEach(it -> map.put(it.getKey(), it.getValue().getAsString()));
        }
        return map;
    }

    /** So many callers, one call after the other each, for so long. */
    static JsonObject load(Command command) throws Exception {
        Map<String, Integer> counts = new TreeMap<>();
        List<String> errors = new ArrayList<>();
        AtomicInteger left = new AtomicInteger(command.has("calls") ? command.number("calls") : 1_000_000);
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(command.number("ms"));
        List<Future<?>> callers = new ArrayList<>();
        for (int count = 0; count < command.number("callers"); count++) {
            callers.add(Agent.THREADS.submit(() -> {
                while (left.getAndDecrement() > 0 && System.nanoTime() < end) {
                    JsonObject result = call(command);
                    String error = result.get("error").getAsString();
                    String code = error.isEmpty() ? result.get("code").getAsString() : "IN_BAND";
                    synchronized (counts) {
                        counts.merge(code, 1, Integer::sum);
                        if (!code.equals("OK") && errors.size() < 3) {
                            errors.add(code + ": " + result.get("message").getAsString() + error);
                        }
                    }
                    Thread.sleep(command.number("gap_ms"));
                }
                return null;
            }));
        }
        for (Future<?> caller : callers) {
            caller.get();
        }
        JsonObject all = new JsonObject();
        counts.forEach(all::addProperty);
        JsonArray said = new JsonArray();
        errors.forEach(said::add);
        JsonObject result = new JsonObject();
        result.add("counts", all);
        result.add("errors", said);
        return result;
    }

    private Client() {}
}
