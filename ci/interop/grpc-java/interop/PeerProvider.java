package interop;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import constellation.provider.v1.ModuleProviderGrpc;
import constellation.provider.v1.Provider.ControlMessage;
import constellation.provider.v1.Provider.DeregisterRequest;
import constellation.provider.v1.Provider.DrainAck;
import constellation.provider.v1.Provider.DrainRequest;
import constellation.provider.v1.Provider.Heartbeat;
import constellation.provider.v1.Provider.ModuleDeclaration;
import constellation.provider.v1.Provider.ModuleRegistrationResult;
import constellation.provider.v1.Provider.PrimitiveType;
import constellation.provider.v1.Provider.RecordType;
import constellation.provider.v1.Provider.RegisterRequest;
import constellation.provider.v1.Provider.RegisterResponse;
import constellation.provider.v1.Provider.TypeSchema;
import interop.Agent.Command;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** grpc-java as a provider: registers, says that it is alive, and is told to leave. */
final class PeerProvider implements ClientResponseObserver<ControlMessage, ControlMessage> {
    private static final Map<String, PeerProvider> PROVIDERS = new ConcurrentHashMap<>();

    private final Command command;
    private final String connection;
    private final JsonObject state = new JsonObject();
    private final JsonArray reports = new JsonArray();
    private ClientCallStreamObserver<ControlMessage> stream;
    private int acks;
    private boolean halfClosed;

    private PeerProvider(Command command, String connection) {
        this.command = command;
        this.connection = connection;
        state.addProperty("acks", 0);
        state.add("reports", reports);
        state.add("drain", null);
        state.add("ended", null);
    }

    static JsonObject register(Command command) {
        TypeSchema text = TypeSchema.newBuilder()
                .setPrimitive(PrimitiveType.newBuilder().setKind(PrimitiveType.Kind.STRING))
                .build();
        TypeSchema record = TypeSchema.newBuilder()
                .setRecord(RecordType.newBuilder().putFields("text", text))
                .build();
        RegisterRequest request = RegisterRequest.newBuilder()
                .setNamespace(command.text("namespace"))
                .addModules(ModuleDeclaration.newBuilder()
                        .setName("Do")
                        .setInputSchema(record)
                        .setOutputSchema(record)
                        .setVersion("1.0.0"))
                .setProtocolVersion(1)
                .setExecutorUrl(command.text("executor"))
                .setGroupId(command.text("group"))
                .build();
        RegisterResponse answer = Client.with(command, ModuleProviderGrpc.newBlockingStub(Client.channel(command)))
                .withWaitForReady()
                .withDeadlineAfter(10, TimeUnit.SECONDS)
                .register(request);
        String connection = answer.getConnectionId();
        if (answer.getSuccess()) {
            PeerProvider provider = new PeerProvider(command, command.has("claim") ? command.text("claim") : connection);
            PROVIDERS.put(connection, provider);
            ModuleProviderGrpc.newStub(Client.channel(command)).controlPlane(provider);
            Agent.THREADS.execute(provider::beat);
        }
        JsonArray reasons = new JsonArray();
        for (ModuleRegistrationResult result : answer.getResultsList()) {
            reasons.add(result.getRejectionReason());
        }
        JsonObject result = new JsonObject();
        result.addProperty("success", answer.getSuccess());
        result.add("reasons", reasons);
        result.addProperty("connection", connection);
        return result;
    }

    static JsonObject state(Command command) {
        PeerProvider provider = PROVIDERS.get(command.text("connection"));
        synchronized (provider) {
            return provider.state.deepCopy();
        }
    }

    /** As the protocol asks for, or by ending the stream in one way or another. */
    static JsonObject leave(Command command) {
        PeerProvider provider = PROVIDERS.get(command.text("connection"));
        boolean success = true;
        if (command.text("how").equals("deregister")) {
            DeregisterRequest request = DeregisterRequest.newBuilder()
                    .setNamespace(provider.command.text("namespace"))
                    .addModuleNames("Do")
                    .setConnectionId(command.text("connection"))
                    .build();
            success = ModuleProviderGrpc.newBlockingStub(Client.channel(provider.command))
                    .withDeadlineAfter(5, TimeUnit.SECONDS)
                    .deregister(request)
                    .getSuccess();
        } else if (command.text("how").equals("half_close")) {
            provider.halfClose();
        } else {
            provider.stream.cancel("leaving", null);
        }
        JsonObject result = new JsonObject();
        result.addProperty("success", success);
        return result;
    }

    private void beat() {
        int pause = command.has("heartbeat_ms") ? command.number("heartbeat_ms") : 1000;
        try {
            while (say(ControlMessage.newBuilder()
                    .setHeartbeat(Heartbeat.newBuilder()
                            .setNamespace(command.text("namespace"))
                            .setTimestamp(System.currentTimeMillis())))) {
                Thread.sleep(pause);
            }
        } catch (InterruptedException | IllegalStateException ended) {
            // The stream is over.
        }
    }

    /** One at a time may send on a stream. False when it is over. */
    private synchronized boolean say(ControlMessage.Builder message) {
        if (halfClosed || !state.get("ended").isJsonNull()) {
            return false;
        }
        stream.onNext(message.setProtocolVersion(1).setConnectionId(connection).build());
        return true;
    }

    private synchronized void halfClose() {
        halfClosed = true;
        stream.onCompleted();
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<ControlMessage> stream) {
        this.stream = stream;
    }

    @Override
    public synchronized void onNext(ControlMessage message) {
        if (message.hasHeartbeatAck()) {
            acks++;
            state.addProperty("acks", acks);
        } else if (message.hasActiveModulesReport()) {
            JsonArray modules = new JsonArray();
            message.getActiveModulesReport().getActiveModulesList().forEach(modules::add);
            reports.add(modules);
        } else if (message.hasDrainRequest()) {
            DrainRequest request = message.getDrainRequest();
            JsonObject drain = new JsonObject();
            drain.addProperty("reason", request.getReason());
            drain.addProperty("deadline_ms", request.getDeadlineMs());
            state.add("drain", drain);
            say(ControlMessage.newBuilder().setDrainAck(DrainAck.newBuilder().setAccepted(true)));
        }
    }

    @Override
    public synchronized void onError(Throwable error) {
        state.addProperty("ended", Status.fromThrowable(error).getCode().name());
    }

    @Override
    public synchronized void onCompleted() {
        state.addProperty("ended", "OK");
    }
}
