"""grpcio as a provider: registers, says that it is alive, and is told to leave."""

import queue
import threading
import time

import grpc
import provider_pb2 as pb
import provider_pb2_grpc

from client import channel

_providers = {}


class Provider:
    def __init__(self, command):
        self.command, self.stub = command, provider_pb2_grpc.ModuleProviderStub(channel(command))
        self.acks, self.reports, self.drain, self.ended = 0, [], None, None
        self.out = queue.Queue()

    def register(self):
        string = pb.TypeSchema(primitive=pb.PrimitiveType(kind=pb.PrimitiveType.STRING))
        record = pb.TypeSchema(record=pb.RecordType(fields={"text": string}))
        module = pb.ModuleDeclaration(name="Do", input_schema=record, output_schema=record, version="1.0.0")
        request = pb.RegisterRequest(
            namespace=self.command["namespace"],
            modules=[module],
            protocol_version=1,
            executor_url=self.command["executor"],
            group_id=self.command.get("group", ""),
        )
        compression = grpc.Compression.Gzip if self.command.get("gzip") else None
        return self.stub.Register(request, timeout=10, wait_for_ready=True, compression=compression)

    def control(self, connection):
        self.connection = connection
        threading.Thread(target=self.beat, daemon=True).start()
        threading.Thread(target=self.listen, daemon=True).start()

    def say(self, **payload):
        self.out.put(pb.ControlMessage(protocol_version=1, connection_id=self.connection, **payload))

    def beat(self):
        while self.ended is None:
            self.say(heartbeat=pb.Heartbeat(namespace=self.command["namespace"], timestamp=int(time.time() * 1000)))
            time.sleep(self.command.get("heartbeat_ms", 1000) / 1000)

    def listen(self):
        self.stream = self.stub.ControlPlane(iter(self.out.get, None))
        try:
            for message in self.stream:
                match message.WhichOneof("payload"):
                    case "heartbeat_ack":
                        self.acks += 1
                    case "active_modules_report":
                        self.reports.append(list(message.active_modules_report.active_modules))
                    case "drain_request":
                        drain = message.drain_request
                        self.drain = {"reason": drain.reason, "deadline_ms": drain.deadline_ms}
                        self.say(drain_ack=pb.DrainAck(accepted=True, in_flight_count=0))
            self.ended = "OK"
        except grpc.RpcError as error:
            self.ended = error.code().name


def register(command):
    provider = Provider(command)
    answer = provider.register()
    if answer.success and not command.get("no_control"):
        _providers[answer.connection_id] = provider
        provider.control(command.get("claim") or answer.connection_id)
    reasons = [result.rejection_reason for result in answer.results]
    return {"success": answer.success, "reasons": reasons, "connection": answer.connection_id}


def state(command):
    provider = _providers[command["connection"]]
    return {
        "acks": provider.acks,
        "reports": provider.reports,
        "drain": provider.drain,
        "ended": provider.ended,
    }


def leave(command):
    """As the protocol asks for, or by ending the stream in one way or another."""
    provider = _providers[command["connection"]]
    match command["how"]:
        case "deregister":
            request = pb.DeregisterRequest(
                namespace=provider.command["namespace"],
                module_names=["Do"],
                connection_id=command["connection"],
            )
            return {"success": provider.stub.Deregister(request, timeout=5).success}
        case "half_close":
            provider.out.put(None)
        case "cancel":
            provider.stream.cancel()
    return {"success": True}
