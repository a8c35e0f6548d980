"""HTTP/2 by hand: just enough to mean harm, and to measure a good call beside it."""

import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
INITIAL_WINDOW_SIZE = 4
SEND = b"/module.ModuleService/Send"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header that is not indexed, with a new name."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def headers(stream, end=False, timeout=None):
    block = b"\x83\x86" + b"\x04" + bytes([len(SEND)]) + SEND + b"\x01\x01a"
    block += literal(b"content-type", b"application/grpc") + literal(b"te", b"trailers")
    if timeout:
        block += literal(b"grpc-timeout", timeout)
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def message(to, data):
    """A module.Message with a prefix."""
    body = b"\x0a" + varint(len(to)) + to + b"\x1a" + varint(len(data)) + data
    return b"\0" + struct.pack(">I", len(body)) + body


def connect(port, window=65535):
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, window)))
    return sock


def read_exactly(sock, length):
    out = b""
    while len(out) < length:
        piece = sock.recv(length - len(out))
        if not piece:
            raise ConnectionError("closed")
        out += piece
    return out


def read_frame(sock):
    head = read_exactly(sock, 9)
    length = int.from_bytes(head[:3], "big")
    return head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFFFFFF, read_exactly(sock, length)


class Good:
    """A client that asks for little, and reads it."""

    def __init__(self, port, to):
        self.sock, self.to, self.stream = connect(port), to, 1

    def call(self):
        begun = time.monotonic()
        stream, self.stream = self.stream, self.stream + 2
        body = message(self.to, b'{"hello":"world"}')
        self.sock.sendall(headers(stream) + frame(DATA, END_STREAM, stream, body))
        while True:
            kind, flags, of, payload = read_frame(self.sock)
            if kind == SETTINGS and not flags & ACK:
                self.sock.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self.sock.sendall(frame(PING, ACK, 0, payload))
            elif kind == DATA and payload:
                grant = struct.pack(">I", len(payload))
                self.sock.sendall(frame(WINDOW_UPDATE, 0, 0, grant))
            if kind in (RST_STREAM, GOAWAY):
                raise ConnectionError("refused")
            if of == stream and kind == HEADERS and flags & END_STREAM:
                return time.monotonic() - begun
