#!/usr/bin/env python3
"""Attacks a `squall manager` on loopback, one way after the other, beside a good client.

Prints for each attack the manager's memory before and ten seconds after, and the good client's p99: while nothing goes on,
while the same attack goes to a process that does nothing with it, and while it goes to the manager. Exit code 1 when memory
stays more than 64 MB above, or when the last is more than three times as long as both others. The one in the middle is what
the attacker takes of the machine, which no server can give back. SQUALL names the binary, target/debug/squall by default. What speaks gRPC needs grpcio,
which is installed into target/attack/venv; where it cannot be, this says SKIPPED, and succeeds.

    ci/attack/manager.py [NAME ...]
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target/attack"
SECONDS = 5
MEMORY_MB = 64
TIMES = 3


def ask(url, body=None, timeout=30):
    request = urllib.request.Request(url)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def good_client(url, seconds):
    """A process of its own: lists, and runs a small program. Prints its p99 in milliseconds, and how often it failed."""
    took, failed, end = [], 0, time.monotonic() + seconds
    program = {"source": "in a: String\nout a", "inputs": {"a": "hello"}}
    while time.monotonic() < end:
        for path, body in [("/v1/providers?limit=10", None), ("/v1/pipelines/run", program)]:
            begun = time.monotonic()
            try:
                failed += ask(url + path, body)[0] != 200
            except OSError:
                failed += 1
            took.append(time.monotonic() - begun)
        time.sleep(0.005)
    took.sort()
    print(json.dumps({"p99": took[int(len(took) * 0.99)] * 1000, "failed": failed, "asked": len(took)}))


def field(number, data):
    """A field of bytes, as protobuf has it on the wire."""
    length, size = bytearray(), len(data)
    while True:
        length.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return bytes([number << 3 | 2]) + bytes(length) + data


def register(namespace=b"ml", modules=(), executor=b"127.0.0.1:1", group=b""):
    return (field(1, namespace) + b"".join(field(2, it) for it in modules) + b"\x18\x01"
            + field(4, executor) + (field(5, group) if group else b""))


TEXT = field(1, b"\x08\x00")


def module(name, description=b""):
    return field(1, name) + field(2, TEXT) + field(3, TEXT) + field(5, description)


class Manager:
    def __init__(self):
        WORK.mkdir(parents=True, exist_ok=True)
        self.grpc = free()
        environment = dict(os.environ, CONSTELLATION_PROVIDER_PORT=str(self.grpc), RUST_LOG="info")
        binary = os.environ.get("SQUALL", str(ROOT / "target/debug/squall"))
        # Nobody reads its log: that must not matter.
        self.process = subprocess.Popen(
            [binary, "manager", "--http-port", "0"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("listening http "):
                self.url = line.split()[-1]
            if line.startswith("ready"):
                return
        raise SystemExit("the manager did not get ready")

    def rss(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        raise SystemExit("the manager is gone")


UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


def unary(target, method, requests):
    """Sends requests, one after the other, on one connection; whatever is answered."""
    import grpc
    with grpc.insecure_channel(f"127.0.0.1:{target.grpc}", options=UNLIMITED) as channel:
        call = channel.unary_unary(f"/constellation.provider.v1.ModuleProvider/{method}")
        for request in requests:
            try:
                call(request, timeout=30)
            except grpc.RpcError:
                pass


class Sink:
    """Takes what a manager is sent, and does nothing with it: a process of its own."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, __file__, "--sink"], stdout=subprocess.PIPE, text=True)
        self.grpc, http = self.process.stdout.readline().split()
        self.url = f"http://127.0.0.1:{http}"

    def end(self):
        self.process.kill()
        self.process.wait()


def sink():
    from concurrent.futures import ThreadPoolExecutor
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    import grpc

    class Rpc(grpc.GenericRpcHandler):
        def service(self, _):
            return grpc.unary_unary_rpc_method_handler(lambda *_: b"")

    class Http(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = grpc.server(ThreadPoolExecutor(4), options=UNLIMITED)
    server.add_generic_rpc_handlers([Rpc()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    http = ThreadingHTTPServer(("127.0.0.1", 0), Http)
    print(port, http.server_port, flush=True)
    http.serve_forever()


def free():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def until(end, make):
    number = 0
    while time.monotonic() < end:
        yield make(number)
        number += 1


def no_modules(manager, end):
    """Registrations without modules, whose names have 4 MB."""
    long = b"a" * 4_000_000
    unary(manager, "Register", until(end, lambda n: [register(long), register(group=long), register(executor=long)][n % 3]))


def many_modules(manager, end):
    """A registration of a million modules."""
    request = register(modules=[field(1, b"A")] * 800_000)
    unary(manager, "Register", until(end, lambda _: request))


def namespaces(manager, end):
    """Namespaces without end, with long descriptions."""
    def make(n):
        modules = [module(f"M{m}".encode(), b"x" * 8000) for m in range(100)]
        return register(f"n{n}".encode(), modules)
    unary(manager, "Register", until(end, make))


def deregister(manager, end):
    """Deregister without a connection id, for many names."""
    request = field(1, b"ml") + field(2, b"A") * 800_000
    unary(manager, "Deregister", until(end, lambda _: request))


def pipelines(manager, end):
    """Programs that give back one long text a thousand times."""
    source = "in t: String\n" + "".join(f"out o{n} = t\n" for n in range(990))
    body = {"source": source, "inputs": {"t": "x" * 512 * 1024}}
    for _ in until(end, lambda _: None):
        ask(manager.url + "/v1/pipelines/run", body)


def slow_bodies(manager, end):
    """Connections that say how much they will send, and do not."""
    host, port = manager.url.removeprefix("http://").split(":")
    head = (f"POST /v1/pipelines/run HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
            "content-length: 4000000\r\n\r\n").encode() + b"[" * 100_000
    held = []
    for _ in until(end, lambda _: None):
        try:
            held.append(socket.create_connection((host, int(port)), timeout=1))
            held[-1].settimeout(0.2)
            held[-1].sendall(head)
        except OSError:
            pass
        if len(held) > 500:
            time.sleep(0.1)
    for it in held:
        it.close()


ATTACKS = [no_modules, many_modules, namespaces, deregister, pipelines, slow_bodies]


def measured(url):
    """The good client, started."""
    return subprocess.Popen(
        [sys.executable, __file__, "--client", url, str(SECONDS)], stdout=subprocess.PIPE, text=True)


def beside(manager, attack, target):
    """What the good client of the manager measures while the target is attacked."""
    client, end = measured(manager.url), time.monotonic() + SECONDS
    threads = [threading.Thread(target=attack, args=(target, end)) for _ in range(2)]
    for thread in threads:
        thread.start()
    seen = json.loads(client.communicate()[0])
    for thread in threads:
        thread.join()
    return seen


def attacked(attack):
    manager, nothing = Manager(), Sink()
    try:
        quiet = json.loads(measured(manager.url).communicate()[0])
        noisy = beside(manager, attack, nothing)
        nothing.end()
        before = manager.rss()
        loud = beside(manager, attack, manager)
        peak = manager.rss()
        time.sleep(10)
        # What has registered without a control plane leaves after 30 s, and is no leak before that.
        if attack is namespaces:
            time.sleep(25)
        after = manager.rss()
        stays, slower = after - before > MEMORY_MB, loud["p99"] > TIMES * max(quiet["p99"], noisy["p99"])
        broken = stays or slower or loud["failed"] > 0
        print(f"{attack.__name__:14} rss {before:6.1f} MB, at its end {peak:7.1f}, later {after:6.1f}   "
              f"p99 quiet {quiet['p99']:6.2f} ms, beside {noisy['p99']:6.2f}, attacked {loud['p99']:7.2f}   "
              f"failed {loud['failed']} of {loud['asked']}   {'BROKEN' if broken else 'held'}", flush=True)
        return broken
    finally:
        nothing.end()
        manager.process.terminate()
        manager.process.communicate(timeout=30)


def main(names):
    try:
        import grpc  # noqa: F401
    except ImportError:
        venv = WORK / "venv"
        if Path(sys.prefix) == venv:
            raise
        log = subprocess.run(
            f"python3 -m venv {venv} && {venv}/bin/pip install --quiet grpcio", shell=True, capture_output=True, text=True)
        if log.returncode:
            print(f"SKIPPED: grpcio cannot be installed: {(log.stderr.strip() or log.stdout.strip()).splitlines()[-1]}")
            return 0
        os.execv(venv / "bin/python", [str(venv / "bin/python"), __file__, *names])
    chosen = [it for it in ATTACKS if not names or it.__name__ in names]
    return int(any([attacked(it) for it in chosen]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--client"]:
        good_client(sys.argv[2], float(sys.argv[3]))
    elif sys.argv[1:2] == ["--sink"]:
        sink()
    else:
        sys.exit(main(sys.argv[1:]))
