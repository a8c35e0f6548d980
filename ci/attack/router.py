#!/usr/bin/env python3
"""Attacks a module of `squall up` on loopback, beside a good client. Plain Python, no packages.

    cargo build --release && ci/attack/router.py target/release/squall [ATTACK]...

Prints, for each attack, the memory (RSS) of the process before, at its worst and ten seconds after, and the p99 of the good
client: while nothing goes on, while the same attack goes to a process that does nothing with it, and while it goes to the
module. Exits with 1 when more than 64 MB stay, or when the last is more than three times as long as both others. The one in
the middle is what the attacker takes of the machine, which no server can give back.
"""

import os
import re
import resource
import selectors
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
    """Requests that are refused, by a peer that reads nothing of it, for twenty seconds at most."""
    sock = connect(port)
    sock.settimeout(5)
    over = time.monotonic() + 20
    try:
        for stream in range(1, 600000, 2):
            sock.sendall(headers(stream))
            if time.monotonic() > over:
                break
    except OSError:
        pass
    return [sock]


ATTACKS = [declared_lengths, untaken_answers, silent_connections, slow_bodies, many_streams, unread_refusals]


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024


def p99(samples):
    return sorted(samples)[int(len(samples) * 0.99)] if samples else float("inf")


def good_client(port):
    """A process of its own, lest the attacker's threads keep it waiting: asks until its input ends, and prints its p99."""
    samples, over = [], threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    good = Good(port, b"echo.in")
    while not over.is_set():
        samples.append(good.call())
        time.sleep(0.002)
    print(p99(samples))


def sink():
    """A server that takes all that comes, and does nothing with it. Prints its port."""
    taken, space = selectors.DefaultSelector(), bytearray(1 << 20)
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    taken.register(listener, selectors.EVENT_READ)
    print(listener.getsockname()[1], flush=True)
    while True:
        for ready, _ in taken.select():
            if ready.fileobj is listener:
                taken.register(listener.accept()[0], selectors.EVENT_READ)
                continue
            try:
                more = ready.fileobj.recv_into(space)
            except OSError:
                more = 0
            if not more:
                taken.unregister(ready.fileobj)
                ready.fileobj.close()


def started(*arguments):
    return subprocess.Popen(
        [sys.executable, __file__, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def beside(port, act):
    """The p99 of a good client at this port while something goes on."""
    client = started("--client", str(port))
    act()
    said = client.communicate()[0]
    return float(said) if client.returncode == 0 else float("inf")


def attacked(pid, port, attack, target):
    """The p99 of a good client at `port` while `target` is attacked, and the most memory that the process took."""
    over, worst = threading.Event(), [0]

    def watch():
        while not over.is_set():
            worst[0] = max(worst[0], rss(pid))
            time.sleep(0.05)

    def act():
        sockets.extend(attack(target))
        time.sleep(2)

    watching, sockets = threading.Thread(target=watch), []
    watching.start()
    took = beside(port, act)
    over.set()
    watching.join()
    for sock in sockets:
        sock.close()
    return worst[0], took


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


def chosen(names):
    unknown = set(names) - {attack.__name__ for attack in ATTACKS}
    if unknown:
        sys.exit(f"no such attack: {', '.join(sorted(unknown))}")
    return [attack for attack in ATTACKS if not names or attack.__name__ in names]


def judge(process, port):
    beside(port, lambda: time.sleep(1))
    print(f"{'attack':<20} {'MB before':>10} {'at worst':>10} {'10 s after':>10} {'p99 quiet':>12} {'beside':>10} {'attacked':>10}")
    broken = False
    for attack in chosen(sys.argv[2:]):
        quiet = beside(port, lambda: time.sleep(2))
        nothing = started("--sink")
        _, noisy = attacked(process.pid, port, attack, int(nothing.stdout.readline()))
        nothing.kill()
        nothing.communicate()
        before = rss(process.pid)
        worst, took = attacked(process.pid, port, attack, port)
        time.sleep(REST)
        after = rss(process.pid)
        stays = after - before > STAYS_MAX_MB
        slower = took > SLOWER_MAX * max(quiet, noisy)
        broken |= stays or slower
        print(
            f"{attack.__name__:<20} {before:>10.0f} {worst:>10.0f} {after:>10.0f} {quiet * 1e3:>9.1f} ms"
            f" {noisy * 1e3:>7.1f} ms {took * 1e3:>7.1f} ms{'  MEMORY STAYS' if stays else ''}{'  SLOW' if slower else ''}",
            flush=True,
        )
    return 1 if broken else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--client"]:
        good_client(int(sys.argv[2]))
    elif sys.argv[1:2] == ["--sink"]:
        sink()
    else:
        sys.exit(main())
