#!/usr/bin/env python3
"""Attacks a module of `squall up` on loopback, beside a good client. Plain Python, no packages.

    cargo build --release && ci/attack/router.py target/release/squall

Prints, for each attack, the memory (RSS) of the process before, at its worst and ten seconds after, and the p99 of the good
client without and with the attack. Exits with 1 when more than 64 MB stay, or when the p99 is more than three times as
long (and more than 5 ms).
"""

import os
import re
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from frames import DATA, END_STREAM, Good, connect, frame, headers, message

TOPOLOGY = """
name = "attacked"
[module.m.node.echo]
component = "echo"
[module.m.node.slow]
component = "echo"
settings = { delay = "20s" }
[module.m.node.blob]
component = "blob"
settings = { bytes = 3900000 }
"""
STAYS_MAX_MB = 64
SLOWER_MAX = 3
SLOWER_FROM = 0.005
REST = 10


def declared_lengths(port):
    """12 bytes of each request: its length is said to be 4 MB."""
    sockets = [connect(port) for _ in range(4)]
    for sock in sockets:
        for stream in range(1, 12800, 2):
            prefix = b"\0" + struct.pack(">I", 4 * 1024 * 1024)
            sock.sendall(headers(stream) + frame(DATA, 0, stream, prefix) + frame(DATA, 0, stream, b"\x0a"))
    return sockets


def untaken_answers(port):
    """400 answers of 3.9 MB, and no window for any of them."""
    sock = connect(port, window=0)
    for stream in range(1, 800, 2):
        sock.sendall(headers(stream) + frame(DATA, END_STREAM, stream, message(b"blob.in", b"1")))
    return [sock]


def silent_connections(port):
    """Connections that say nothing, and some that never finish their first words."""
    sockets = []
    for index in range(2000):
        sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        if index % 2:
            sock.sendall(b"PRI * HT")
        sockets.append(sock)
    return sockets


def slow_bodies(port):
    """Requests that come one byte at a time, and some of which nothing comes behind the headers."""
    sockets = [connect(port) for _ in range(10)]
    for sock in sockets:
        sock.sendall(b"".join(headers(stream) for stream in range(1, 2000, 2)))
    for _ in range(5):
        for sock in sockets:
            sock.sendall(b"".join(frame(DATA, 0, stream, b"\0") for stream in range(1, 1000, 2)))
        time.sleep(1)
    return sockets


def many_streams(port):
    """More requests than a connection may have, none of which ends soon."""
    sock = connect(port)
    body = message(b"slow.in", b"1")
    try:
        for stream in range(1, 60000, 2):
            sock.sendall(headers(stream) + frame(DATA, END_STREAM, stream, body))
    except OSError:
        pass
    return [sock]


def unread_refusals(port):
    """Requests that are refused, by a peer that reads nothing of it."""
    sock = connect(port)
    sock.settimeout(5)
    try:
        for stream in range(1, 600000, 2):
            sock.sendall(headers(stream))
    except OSError:
        pass
    return [sock]


ATTACKS = [declared_lengths, untaken_answers, silent_connections, slow_bodies, many_streams, unread_refusals]


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024


def p99(samples):
    return sorted(samples)[int(len(samples) * 0.99)] if samples else float("inf")


def measure(port, until, samples):
    good = Good(port, b"echo.in")
    while not until():
        samples.append(good.call())
        time.sleep(0.002)


def quiet(port, seconds):
    samples, end = [], time.monotonic() + seconds
    measure(port, lambda: time.monotonic() > end, samples)
    return p99(samples)


def attacked(process, port, attack):
    samples, over, worst = [], threading.Event(), [0]

    def beside():
        try:
            measure(port, over.is_set, samples)
        except OSError as error:
            print(f"  the good client lost its connection: {error}", file=sys.stderr)
            samples.append(float("inf"))

    def watch():
        while not over.is_set():
            worst[0] = max(worst[0], rss(process.pid))
            time.sleep(0.05)

    threads = [threading.Thread(target=it) for it in (beside, watch)]
    for thread in threads:
        thread.start()
    sockets = attack(port)
    time.sleep(2)
    over.set()
    for thread in threads:
        thread.join()
    for sock in sockets:
        sock.close()
    time.sleep(REST)
    return worst[0], p99(samples)


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 20000)), hard))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "attacked.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(TOPOLOGY)
        command = [sys.argv[1], "up", path]
        # A backtrace would keep the symbols in memory.
        environment = {**os.environ, "RUST_BACKTRACE": "0"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            try:
                port = int(re.search(r":(\d+)$", process.stdout.readline().strip())[1])
                return judge(process, port)
            finally:
                process.kill()


def judge(process, port):
    quiet(port, 1)
    print(f"{'attack':<20} {'MB before':>10} {'at worst':>10} {'10 s after':>10} {'p99 without':>12} {'with':>10}")
    broken = False
    for attack in ATTACKS:
        without, before = quiet(port, 2), rss(process.pid)
        worst, beside = attacked(process, port, attack)
        after = rss(process.pid)
        stays = after - before > STAYS_MAX_MB
        slower = beside > max(SLOWER_MAX * without, SLOWER_FROM)
        broken |= stays or slower
        print(
            f"{attack.__name__:<20} {before:>10.0f} {worst:>10.0f} {after:>10.0f} {without * 1e3:>9.1f} ms"
            f" {beside * 1e3:>7.1f} ms{'  MEMORY STAYS' if stays else ''}{'  SLOW' if slower else ''}",
            flush=True,
        )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
