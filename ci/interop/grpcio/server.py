"""grpcio is called by us. What a handler does is said by the data of its call: see ../README.md."""

import json
import threading
import time
from concurrent import futures

import grpc
import module_pb2
import provider_pb2

from client import pairs

_servers = {}


class Server:
    def __init__(self, command):
        self.seen, self.lock = [], threading.Lock()
        # A port of a server that is ending is not to be shared with it: calls would get lost between the two.
        options = [("grpc.so_reuseport", 0)]
        for key, option in {
            "streams": "grpc.max_concurrent_streams",
            "age_ms": "grpc.max_connection_age_ms",
            "age_grace_ms": "grpc.max_connection_age_grace_ms",
        }.items():
            if key in command:
                options.append((option, command[key]))
        compression = grpc.Compression.Gzip if command.get("gzip") else None
        workers = futures.ThreadPoolExecutor(max_workers=100)
        self.grpc = grpc.server(workers, options=options, compression=compression)
        methods = {
            "Send": handler(self.send, module_pb2.Message, module_pb2.Response),
            "Message": handler(self.message, module_pb2.MessageRequest, module_pb2.MessageResponse),
        }
        if command.get("only_message"):
            del methods["Send"]
        execute = handler(self.execute, provider_pb2.ExecuteRequest, provider_pb2.ExecuteResponse)
        executor = "constellation.provider.v1.ModuleExecutor"
        self.grpc.add_generic_rpc_handlers((
            grpc.method_handlers_generic_handler("module.ModuleService", methods),
            grpc.method_handlers_generic_handler(executor, {"Execute": execute}),
        ))
        self.port = self.grpc.add_insecure_port(f"127.0.0.1:{command.get('port', 0)}")
        self.grpc.start()

    def send(self, request, context):
        data = self.work("Send", request.data, context, dict(request.metadata))
        return module_pb2.Response(data=data)

    def message(self, request, context):
        return module_pb2.MessageResponse(Data=self.work("Message", request.Payload, context, {}))

    def execute(self, request, context):
        text = json.loads(request.input_data)["value"]["text"]["value"]
        data = self.work("Execute", text.encode(), context, dict(request.metadata)).decode()
        output = {
            "tag": "CProduct",
            "value": {"text": {"tag": "CString", "value": data}},
            "structure": {"text": {"tag": "CString"}},
        }
        return provider_pb2.ExecuteResponse(output_data=json.dumps(output).encode())

    def work(self, method, data, context, map):
        """Does what the data says, and keeps what was seen of calls that have a mark."""
        try:
            order = json.loads(data)
        except ValueError:
            order = None
        if not isinstance(order, dict):
            return data
        left = context.time_remaining()
        # grpcio says that there is no deadline with a very large number.
        left = None if left is None or left > 1e9 else int(left * 1000)
        call = {"method": method, "deadline_ms": left, "map": map, "ended": None, "ms": None}
        call["metadata"] = pairs(context.invocation_metadata())
        if "mark" in order:
            with self.lock:
                self.seen.append({"mark": order["mark"], **call})
                call = self.seen[-1]
        began, gone = time.monotonic(), threading.Event()
        if "sleep" in order:
            if not context.add_callback(gone.set):
                gone.set()
            cancelled = gone.wait(order["sleep"] / 1000)
            call.update(ended="cancelled" if cancelled else "slept", ms=int((time.monotonic() - began) * 1000))
        if "status" in order:
            code = next(code for code in grpc.StatusCode if code.value[0] == order["status"])
            context.abort(code, order.get("text", ""))
        if "blob" in order:
            return json.dumps("x" * order["blob"]).encode()
        return data


def handler(method, request, response):
    return grpc.unary_unary_rpc_method_handler(method, request.FromString, response.SerializeToString)


def serve(command):
    server = Server(command)
    _servers[server.port] = server
    return {"port": server.port}


def stop(command):
    server = _servers[command["port"]]
    server.grpc.stop(command["grace_ms"] / 1000).wait()
    return {}


def seen(command):
    server = _servers[command["port"]]
    with server.lock:
        return {"calls": [call for call in server.seen if call["mark"] == command["mark"]]}
