"""The processes of ours that peers meet."""

import json
import os
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path

import ports

HERE = Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("SQUALL", str(HERE.parent.parent / "target/debug/squall"))


class Process:
    """A process that says where it listens, and that it is ready."""

    def __init__(self, arguments, log, environment=None):
        self.arguments, self.log, self.environment = arguments, log, environment or {}
        self.begin()

    def begin(self):
        environment = {**os.environ, "RUST_LOG": os.environ.get("RUST_LOG", "warn"), **self.environment}
        pipes = {"stdout": subprocess.PIPE, "stderr": open(self.log, "ab")}
        self.process = subprocess.Popen([PROGRAM, *self.arguments], text=True, env=environment, **pipes)
        self.listening, said = {}, []
        for line in self.process.stdout:
            said.append(line)
            words = line.split()
            if words[0] == "listening":
                self.listening[words[1]] = words[2]
            elif words[0] == "metrics":
                self.listening["metrics"] = words[1]
            elif words[0] == "ready":
                break
        else:
            raise AssertionError(f"squall {' '.join(self.arguments)} did not start: {''.join(said)}")
        # Or it would stop at a pipe that is full.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def __getitem__(self, name):
        return self.listening[name]

    def terminate(self):
        """SIGTERM, and the seconds that it took to end."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)

    def restart(self):
        self.terminate()
        self.begin()

    def kill(self):
        self.process.kill()
        self.process.wait()


def up(topology, log, modules=(), peers=(), flags=()):
    arguments = ["up", str(HERE / f"topologies/{topology}.toml"), "--port-base", str(ports.free()), *flags]
    arguments += ["--metrics", f"127.0.0.1:{ports.free()}"]
    for module in modules:
        arguments += ["--module", module]
    for name, port in peers:
        arguments += ["--peer", f"{name}=127.0.0.1:{port}"]
    return Process(arguments, log)


def in_flight(up):
    """How many requests of others are in the works."""
    with urllib.request.urlopen(up["metrics"], timeout=5) as answer:
        text = answer.read().decode()
    return sum(int(it) for it in re.findall(r"^tinysystems_requests_in_flight\{.*\} (\d+)$", text, re.M))


class Manager(Process):
    def __init__(self, log, **environment):
        environment = {
            "CONSTELLATION_PROVIDER_PORT": str(ports.free()),
            "CONSTELLATION_PROVIDER_REPORT_INTERVAL": "1s",
            **environment,
        }
        self.provided = {}
        super().__init__(["manager", "--http-port", str(ports.free())], log, environment)

    def http(self, path, body=None, timeout=80):
        """The status and the JSON of the answer."""
        request = urllib.request.Request(self["http"] + path)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        return status, json.loads(text) if text else None

    def call(self, module, order, timeout=None):
        """Calls a module of the peer, and tells it by its input what to do."""
        text = order if isinstance(order, str) else json.dumps(order)
        body = {"input": {"text": text}}
        if timeout is not None:
            body["timeout"] = timeout
        return self.http(f"/v1/modules/{module}/call", body)

    def ids(self):
        """How each provider is, by the id that operators know it by: the API does not tell connections."""
        return {it["id"]: it["state"] for it in self.http("/v1/providers")[1]["providers"]}

    def providers(self):
        """How each provider is, by its connection: of those that were provided."""
        states = self.ids()
        return {connection: states[id] for connection, id in self.provided.items() if id in states}


def call(port, order, *arguments, to="peer.in"):
    """`squall call`: its exit code, and what it printed as JSON."""
    text = order if isinstance(order, str) else json.dumps(order)
    command = [PROGRAM, "call", f"127.0.0.1:{port}", to, "-", "--json", *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=80)
    said = done.stdout if done.returncode == 0 else done.stderr
    try:
        return done.returncode, json.loads(said)
    except ValueError:
        raise AssertionError(f"squall call said {said!r}, exit code {done.returncode}") from None
