"""grpcio as a peer. Takes commands on standard input, one JSON object a line, and answers likewise: see ../README.md."""

import json
import sys
import threading

import client
import provider
import server

OPS = {
    "call": client.call,
    "load": client.load,
    "unknown": client.unknown,
    "health": client.health,
    "reflect": client.reflect,
    "serve": server.serve,
    "stop": server.stop,
    "seen": server.seen,
    "register": provider.register,
    "provider": provider.state,
    "leave": provider.leave,
}


def main():
    write = threading.Lock()

    def answer(command):
        try:
            result = OPS[command["op"]](command)
        except Exception as error:  # The suite is to hear of it, whatever it is.
            result = {"failed": f"{type(error).__name__}: {error}"}
        with write:
            print(json.dumps({"id": command["id"], **result}), flush=True)

    for line in sys.stdin:
        threading.Thread(target=answer, args=(json.loads(line),), daemon=True).start()


main()
