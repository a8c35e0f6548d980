"""Ports that are free, and stay so: none that the kernel gives to outgoing connections, and none twice."""

import os
import socket
import threading

_FIRST, _LAST = 20_000, 32_000
_next = _FIRST + os.getpid() * 97 % (_LAST - _FIRST)
_lock = threading.Lock()


def free():
    global _next
    with _lock:
        for _ in range(_FIRST, _LAST):
            _next = _next + 1 if _next < _LAST else _FIRST
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", _next))
                except OSError:
                    continue
            return _next
    raise OSError("no port is free")
