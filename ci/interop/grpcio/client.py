"""grpcio calls us."""

import base64
import collections
import threading
import time

import grpc
import health_pb2
import health_pb2_grpc
import module_pb2
import module_pb2_grpc
import reflection_pb2

_channels = {}
_lock = threading.Lock()


def channel(command):
    """Commands with the same target and the same `channel` share one."""
    key = (command["target"], command.get("channel", ""))
    with _lock:
        if key not in _channels:
            # Channels of the same target and options would share their connections.
            options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 100)]
            options.append(("grpc.max_reconnect_backoff_ms", 500))
            if "authority" in command:
                options.append(("grpc.default_authority", command["authority"]))
            if "max_receive" in command:
                options.append(("grpc.max_receive_message_length", command["max_receive"]))
            if "keepalive_ms" in command:
                options.append(("grpc.keepalive_time_ms", command["keepalive_ms"]))
                options.append(("grpc.keepalive_permit_without_calls", 1))
                options.append(("grpc.http2.max_pings_without_data", 0))
            _channels[key] = grpc.insecure_channel(command["target"], options=options)
        return _channels[key]


def metadata(command):
    def value(key, text):
        return base64.b64decode(text) if key.endswith("-bin") else text

    return [(key, value(key, text)) for key, text in command.get("metadata", [])]


def pairs(metadata):
    """Metadata as JSON can carry it."""
    return [
        [key, base64.b64encode(value).decode() if isinstance(value, bytes) else value]
        for key, value in metadata or ()
    ]


def start(command):
    stub = module_pb2_grpc.ModuleServiceStub(channel(command))
    data = command["data"].encode()
    if command["method"] == "Send":
        method = stub.Send
        request = module_pb2.Message(to=command["to"], data=data, metadata=command.get("map", {}))
    else:
        method = stub.Message
        request = module_pb2.MessageRequest(To=command["to"], Payload=data)
    timeout = command.get("timeout_ms")
    return method.future(
        request,
        timeout=None if timeout is None else timeout / 1000,
        metadata=metadata(command),
        wait_for_ready=command.get("wait", False),
        compression=grpc.Compression.Gzip if command.get("gzip") else None,
    )


def call(command):
    began = time.monotonic()
    future = start(command)
    if "cancel_ms" in command:
        time.sleep(command["cancel_ms"] / 1000)
        future.cancel()
    result = {"code": "OK", "message": "", "data": "", "error": ""}
    try:
        answer = future.result()
        if command["method"] == "Send":
            result.update(data=answer.data.decode(), error=answer.error)
        else:
            result.update(data=answer.Data.decode())
    except grpc.FutureCancelledError:
        result.update(code="CANCELLED")
    except grpc.RpcError as error:
        result.update(code=error.code().name, message=error.details() or "")
    if "cancel_ms" not in command:
        result.update(headers=pairs(future.initial_metadata()), trailers=pairs(future.trailing_metadata()))
    result["ms"] = int((time.monotonic() - began) * 1000)
    return result


def load(command):
    """So many callers, one call after the other each, for so long."""
    end = time.monotonic() + command["ms"] / 1000
    counts, errors, lock = collections.Counter(), [], threading.Lock()
    left = [command.get("calls", 1_000_000)]

    def caller():
        while time.monotonic() < end:
            with lock:
                if left[0] == 0:
                    return
                left[0] -= 1
            result = call(command)
            code = "IN_BAND" if result["error"] else result["code"]
            with lock:
                counts[code] += 1
                if code != "OK" and len(errors) < 3:
                    errors.append(f"{code}: {result['message'] or result['error']}")
            time.sleep(command.get("gap_ms", 0) / 1000)

    threads = [threading.Thread(target=caller) for _ in range(command["callers"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"counts": counts, "errors": errors}


def unknown(command):
    method = channel(command).unary_unary(command["path"])
    try:
        method(b"", timeout=5)
    except grpc.RpcError as error:
        return {"code": error.code().name, "message": error.details() or ""}
    return {"code": "OK", "message": ""}


def health(command):
    stub = health_pb2_grpc.HealthStub(channel(command))
    request = health_pb2.HealthCheckRequest(service=command["service"])
    name = health_pb2.HealthCheckResponse.ServingStatus.Name
    statuses, code = [], None
    try:
        if not command.get("watch"):
            statuses.append(name(stub.Check(request, timeout=5).status))
            return {"statuses": statuses, "code": "OK"}
        watch = stub.Watch(request)
        timer = threading.Timer(command["ms"] / 1000, watch.cancel)
        timer.start()
        for update in watch:
            statuses.append(name(update.status))
        code = watch.code().name
    except grpc.RpcError as error:
        code = error.code().name
    # Our own cancellation says that it was open until then.
    return {"statuses": statuses, "code": "OPEN" if code == "CANCELLED" else code}


def reflect(command):
    """The two versions differ in nothing but their names."""
    method = channel(command).stream_stream(
        f"/grpc.reflection.{command['version']}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=command["symbol"]),
    ]
    answers = list(method(iter(requests), timeout=5))
    services = [service.name for service in answers[0].list_services_response.service]
    files = answers[1].file_descriptor_response.file_descriptor_proto
    return {"services": services, "files": len(files)}
