"""What a case is, and what it has to work with."""

import base64
import itertools
import json
import threading
import time
from dataclasses import dataclass
from typing import Callable

import squall
from agent import Agent
from wire import Proxy

#: By name, in the order in which they are written.
CASES = {}

METHODS = ["Send", "Message"]

#: Servers of grpc-js compress nothing.
COMPRESSING = ("grpcio", "grpc-go", "grpc-java")


@dataclass
class Case:
    name: str
    run: Callable
    waits: bool
    peers: tuple


def case(name, waits=False, peers=()):
    """A case of all peers, or of some. One that `waits` runs beside others, with a peer's process of its own."""

    def register(run):
        CASES[name] = Case(name, run, waits, peers)
        return run

    return register


class Bench:
    """What one case has started, with which peer. All of it ends with the case."""

    _marks = itertools.count(1)

    def __init__(self, peer, folder, program, log):
        self.name, self.folder, self.program, self.log = peer, folder, program, log
        self.ending, self._agent = [], None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for end in reversed(self.ending):
            end()

    def another(self):
        """A process of the peer."""
        agent = Agent(self.program, self.log)
        self.ending.append(agent.kill)
        return agent

    @property
    def crossing(self):
        """How many calls a graceful end of the peer's server may cost. One of C-core answers requests that cross its first
        GOAWAY with CANCELLED: no handler has seen them, but nothing on the wire says so."""
        return 6 if self.name == "grpcio" else 0

    @property
    def agent(self):
        if self._agent is None:
            self._agent = self.another()
        return self._agent

    def mark(self):
        """What a call is found again by."""
        return f"mark-{next(self._marks)}"

    def up(self, topology, **arguments):
        up = squall.up(topology, self.log, **arguments)
        self.ending.append(up.kill)
        return up

    def manager(self, **environment):
        manager = squall.Manager(self.log, **environment)
        self.ending.append(manager.kill)
        return manager

    def proxy(self, port, delay=0):
        proxy = Proxy(port, delay)
        self.ending.append(proxy.close)
        return proxy

    def serve(self, **options):
        """A server of the peer, and its port."""
        return self.agent.ask("serve", **options)["port"]

    def router(self, *ports, topology="routed"):
        """A module of ours that passes on to servers of the peer what `way.in` is sent."""
        return self.up(topology, modules=["front"], peers=[("far", port) for port in ports])

    def call(self, target, method, to, data, **more):
        """A call by the peer."""
        data = data if isinstance(data, str) else json.dumps(data)
        return self.agent.ask("call", target=target, method=method, to=to, data=data, **more)

    def load(self, target, to, data, callers, ms, method="Send", **more):
        """Calls by the peer, and the future of what came of them."""
        data = data if isinstance(data, str) else json.dumps(data)
        arguments = {"target": target, "method": method, "to": to, "data": data, "wait": True, "timeout_ms": 20_000}
        return self.agent.start("load", **{**arguments, "callers": callers, "ms": ms, **more})

    def provide(self, manager, executor, agent=None, namespace="peer", **more):
        """Registers a provider of `peer.Do`, and waits until it is active."""
        arguments = {"target": manager["grpc"], "namespace": namespace, "executor": f"127.0.0.1:{executor}"}
        before = manager.ids()
        answer = (agent or self.agent).ask("register", **arguments, **more)
        assert answer["success"], f"Register is refused: {answer['reasons']}"
        (manager.provided[answer["connection"]],) = manager.ids().keys() - before.keys()
        until(lambda: manager.providers().get(answer["connection"]) == "active", "the provider is active")
        return answer["connection"]

    def seen(self, port, mark):
        """The one call with this mark, as the peer's server saw it."""
        calls = self.agent.ask("seen", port=port, mark=mark)["calls"]
        assert len(calls) == 1, f"the peer saw {len(calls)} calls of one"
        return calls[0]

    def is_cancelled(self, port, mark, within_ms):
        """Waits until the peer's handler was told that it is no longer needed, and that it was so in time."""
        until(lambda: self.seen(port, mark)["ended"] is not None, "the peer's handler ends", seconds=6)
        call = self.seen(port, mark)
        assert call["ended"] == "cancelled", f"the peer's handler worked to its end: {call['ms']} ms"
        assert call["ms"] <= within_ms, f"the peer's handler was cancelled after {call['ms']} ms"


class HttpLoad:
    """Callers of a manager's HTTP API, for so long or for so many calls each."""

    def __init__(self, manager, order, callers, seconds=60, calls=1_000_000):
        self.answers, self.end, self.calls = [], time.monotonic() + seconds, calls
        arguments = (manager, order)
        self.threads = [threading.Thread(target=self._caller, args=arguments, daemon=True) for _ in range(callers)]
        for thread in self.threads:
            thread.start()

    def _caller(self, manager, order):
        for _ in range(self.calls):
            if time.monotonic() > self.end:
                return
            try:
                self.answers.append(manager.call("peer.Do", order))
            except OSError as error:
                self.answers.append((0, str(error)))

    def none_lost(self, at_least, crossing=0):
        for thread in self.threads:
            thread.join()
        lost = [answer for answer in self.answers if answer[0] != 200]
        if len(lost) > crossing or not all_crossed(map(str, lost)):
            raise AssertionError(f"{len(lost)} of {len(self.answers)} calls lost: {lost[:2]}")
        assert len(self.answers) >= at_least, f"only {len(self.answers)} calls were made"


def none_lost(load, at_least, crossing=0):
    """That each call of a load was answered, save so many that met the end of a server of C-core."""
    result = load.result(timeout=90)
    counts = result["counts"]
    ok, all = counts.get("OK", 0), sum(counts.values())
    if all - ok > crossing or not all_crossed(result["errors"]):
        raise AssertionError(f"{all - ok} of {all} calls lost: {counts}, {result['errors']}")
    assert all >= at_least, f"only {all} calls were made"


def all_crossed(errors):
    return all("CANCELLED" in error for error in errors)


def until(holds, what, seconds=5.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


def equal(is_, wanted, what):
    assert is_ == wanted, f"{what} is {is_!r}, not {wanted!r}"


def binary(data):
    """Metadata of bytes, as commands have it."""
    return base64.b64encode(data).decode()
