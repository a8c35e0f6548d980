"""A proxy between two peers that keeps what frames of HTTP/2 it sees, and can be slow."""

import socket
import threading
import time
from dataclasses import dataclass, field

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
TYPES = ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE"]


@dataclass
class Frame:
    at: float
    connection: int
    by: str  # "client" or "server"
    kind: str
    flags: int
    stream: int
    payload: bytes

    @property
    def is_ack(self):
        return self.kind in ("SETTINGS", "PING") and self.flags & 1 != 0

    def __str__(self):
        text = f"{self.by} {self.kind}"
        if self.kind == "GOAWAY":
            last, code = (int.from_bytes(self.payload[at : at + 4], "big") for at in (0, 4))
            text += f" last stream {last} code {code} {self.payload[8:].decode(errors='replace')!r}"
        if self.kind == "RST_STREAM":
            text += f" stream {self.stream} code {int.from_bytes(self.payload, 'big')}"
        return text


@dataclass
class Proxy:
    """Forwards to a port of this machine. What the server says first comes `delay` seconds late."""

    target: int
    delay: float = 0
    frames: list = field(default_factory=list)
    connections: int = 0
    bytes: dict = field(default_factory=lambda: {"client": 0, "server": 0})

    def __post_init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def of(self, by, *kinds):
        return [frame for frame in list(self.frames) if frame.by == by and frame.kind in kinds]

    def pings(self, by):
        return sum(not frame.is_ack for frame in self.of(by, "PING"))

    def goaways(self):
        return [str(frame) for frame in self.of("server", "GOAWAY")]

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.connections += 1
            for source, sink, by in [(client, server, "client"), (server, client, "server")]:
                arguments = (source, sink, by, self.connections)
                threading.Thread(target=self._forward, args=arguments, daemon=True).start()

    def _forward(self, source, sink, by, connection):
        for end in (source, sink):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        left, delay = b"", self.delay if by == "server" else 0
        try:
            while data := source.recv(1 << 18):
                time.sleep(delay)
                delay = 0
                self.bytes[by] += len(data)
                left = self._parse(left + data, by, connection)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (source, sink):
                end.close()

    def _parse(self, data, by, connection):
        data = data.removeprefix(PREFACE)
        while len(data) >= 9:
            length = int.from_bytes(data[:3], "big")
            if len(data) < 9 + length:
                break
            kind = TYPES[data[3]] if data[3] < len(TYPES) else str(data[3])
            stream = int.from_bytes(data[5:9], "big") & 0x7FFFFFFF
            payload = data[9 : 9 + min(length, 200)]
            self.frames.append(Frame(time.monotonic(), connection, by, kind, data[4], stream, payload))
            data = data[9 + length :]
        return data
