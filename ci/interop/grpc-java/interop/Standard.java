package interop;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import interop.Agent.Command;
import interop.health.HealthCheckRequest;
import interop.health.HealthCheckResponse;
import interop.health.HealthGrpc;
import interop.reflection.ServerReflectionGrpc;
import interop.reflection.ServerReflectionRequest;
import interop.reflection.ServerReflectionResponse;
import interop.reflection.ServiceResponse;
import io.grpc.CallOptions;
import io.grpc.Context;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.util.Iterator;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** What every gRPC server is expected to offer: health, reflection, and a word about what it does not have. */
final class Standard {
    private static final ScheduledExecutorService TIMER = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    });

    static JsonObject unknown(Command command) {
        MethodDescriptor<HealthCheckRequest, HealthCheckResponse> method =
                HealthGrpc.getCheckMethod().toBuilder().setFullMethodName(command.text("path").substring(1)).build();
        CallOptions options = CallOptions.DEFAULT.withDeadlineAfter(5, TimeUnit.SECONDS);
        JsonObject result = new JsonObject();
        result.addProperty("code", "OK");
        try {
            HealthCheckRequest request = HealthCheckRequest.getDefaultInstance();
            ClientCalls.blockingUnaryCall(Client.channel(command), method, options, request);
        } catch (RuntimeException error) {
            result.addProperty("code", Status.fromThrowable(error).getCode().name());
        }
        return result;
    }

    static JsonObject health(Command command) {
        HealthGrpc.HealthBlockingStub stub = HealthGrpc.newBlockingStub(Client.channel(command));
        HealthCheckRequest request =
                HealthCheckRequest.newBuilder().setService(command.text("service")).build();
        JsonArray statuses = new JsonArray();
        String code = "OK";
        Context.CancellableContext context = Context.current().withCancellation();
        Context before = context.attach();
        try {
            if (command.is("watch")) {
                TIMER.schedule(() -> context.cancel(null), command.number("ms"), TimeUnit.MILLISECONDS);
                Iterator<HealthCheckResponse> updates = stub.watch(request);
                while (updates.hasNext()) {
                    statuses.add(updates.next().getStatus().name());
                }
            } else {
                statuses.add(stub.withDeadlineAfter(5, TimeUnit.SECONDS).check(request).getStatus().name());
            }
        } catch (RuntimeException error) {
            code = Status.fromThrowable(error).getCode().name();
        } finally {
            context.detach(before);
        }
        JsonObject result = new JsonObject();
        result.add("statuses", statuses);
        // Our own cancellation says that it was open until then.
        result.addProperty("code", code.equals("CANCELLED") ? "OPEN" : code);
        return result;
    }

    /** The two versions differ in nothing but their names. */
    static JsonObject reflect(Command command) throws InterruptedException {
        String service = "grpc.reflection." + command.text("version") + ".ServerReflection";
        MethodDescriptor<ServerReflectionRequest, ServerReflectionResponse> method =
                ServerReflectionGrpc.getServerReflectionInfoMethod().toBuilder()
                        .setFullMethodName(service + "/ServerReflectionInfo")
                        .build();
        BlockingQueue<Object> answers = new LinkedBlockingQueue<>();
        StreamObserver<ServerReflectionRequest> requests = ClientCalls.asyncBidiStreamingCall(
                Client.channel(command).newCall(method, CallOptions.DEFAULT.withDeadlineAfter(5, TimeUnit.SECONDS)),
                new StreamObserver<ServerReflectionResponse>() {
                    @Override
                    public void onNext(ServerReflectionResponse answer) {
                        answers.add(answer);
                    }

                    @Override
                    public void onError(Throwable error) {
                        answers.add(error);
                    }

                    @Override
                    public void onCompleted() {
                        answers.add("completed");
                    }
                });
        requests.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());
        requests.onNext(ServerReflectionRequest.newBuilder()
                .setFileContainingSymbol(command.text("symbol"))
                .build());
        requests.onCompleted();
        JsonArray services = new JsonArray();
        int files = 0;
        Object answer = answers.take();
        for (; answer instanceof ServerReflectionResponse; answer = answers.take()) {
            ServerReflectionResponse it = (ServerReflectionResponse) answer;
            for (ServiceResponse listed : it.getListServicesResponse().getServiceList()) {
                services.add(listed.getName());
            }
            files += it.getFileDescriptorResponse().getFileDescriptorProtoCount();
        }
        if (answer instanceof Throwable) {
            throw Status.fromThrowable((Throwable) answer).asRuntimeException();
        }
        JsonObject result = new JsonObject();
        result.add("services", services);
        result.addProperty("files", files);
        return result;
    }

    private Standard() {}
}
