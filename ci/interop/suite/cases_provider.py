"""A manager calls executors of peers."""

import time

from case import COMPRESSING, HttpLoad, case, equal, until

import ports

#: gRPC statuses of an executor, with the code and the outcome that its caller is told, as far as it matters.
CODES = [
    (3, "TYPE_ERROR", None),
    (4, "TIMEOUT", "unknown"),
    (5, "MODULE_NOT_FOUND", None),
    (8, None, "unknown"),
    (13, "RUNTIME_ERROR", None),
    (14, "UNAVAILABLE", "unknown"),
]


@case("provider/codes")
def codes(it):
    manager, server = it.manager(), it.serve()
    it.provide(manager, server)
    for status, code, outcome in CODES:
        http, answer = manager.call("peer.Do", {"status": status, "text": f"reason {status}"})
        assert http >= 400, f"status {status} is a success"
        error = answer["error"]
        assert f"reason {status}" in error["message"], f"the text of {status} is missing in {error}"
        if code:
            equal(error["code"], code, f"the code of status {status}")
        if outcome:
            equal(error["outcome"], outcome, f"the outcome of status {status}")


@case("provider/deadline")
def deadline(it):
    manager, server, mark = it.manager(), it.serve(), it.mark()
    it.provide(manager, server)
    http, answer = manager.call("peer.Do", {"mark": mark, "sleep": 20_000}, timeout="700ms")
    equal((http, answer["error"]["code"]), (504, "TIMEOUT"), "how the call ends")
    seen = it.seen(server, mark)["deadline_ms"]
    assert seen is not None and seen <= 700, f"the executor saw a deadline of {seen} ms"
    it.is_cancelled(server, mark, within_ms=3_000)


@case("provider/oversized")
def oversized(it):
    manager, server = it.manager(), it.serve()
    it.provide(manager, server)
    http, answer = manager.call("peer.Do", {"blob": 3_900_000})
    equal(http, 200, f"the HTTP status of an answer of 3.9 MB ({str(answer)[:200]})")
    http, answer = manager.call("peer.Do", {"blob": 5_000_000})
    assert http >= 400, "an answer of 5 MB is a success"
    equal(answer["error"]["outcome"], "unknown", f"the outcome of an answer of 5 MB ({answer})")
    equal(manager.call("peer.Do", "1")[0], 200, "the HTTP status of the next call")


@case("provider/gzip", peers=COMPRESSING)
def gzip(it):
    manager, server = it.manager(), it.serve(gzip=True)
    proxy = it.proxy(server)
    it.provide(manager, proxy.port)
    http, answer = manager.call("peer.Do", {"blob": 200_000})
    equal(http, 200, f"the HTTP status ({str(answer)[:200]})")
    assert proxy.bytes["server"] < 50_000, f"the peer did not compress: {proxy.bytes['server']} bytes came"


@case("provider/age")
def age(it):
    """One executor, whose connections live for 250 ms."""
    manager, server = it.manager(), it.serve(age_ms=250, age_grace_ms=5_000)
    it.provide(manager, server)
    HttpLoad(manager, {"sleep": 10}, callers=12, seconds=6).none_lost(at_least=500)


@case("provider/one-stream")
def one_stream(it):
    """50 cold calls at once, at an executor that takes one at a time."""
    manager, server = it.manager(), it.serve(streams=1)
    it.provide(manager, server)
    HttpLoad(manager, {"sleep": 20}, callers=50, calls=2).none_lost(at_least=100)


@case("provider/graceful-stop")
def graceful_stop(it):
    """Of two members of a group one after the other leaves, stops gracefully, and comes back."""
    manager, servers = it.manager(), [it.serve(), it.serve()]
    connections = [it.provide(manager, server, group="both") for server in servers]
    load = HttpLoad(manager, {"sleep": 20}, callers=12, seconds=7)
    for server, connection in zip(servers, connections):
        time.sleep(1)
        it.agent.ask("leave", connection=connection, how="deregister")
        it.agent.ask("stop", port=server, grace_ms=5_000)
        it.serve(port=server)
        it.provide(manager, server, group="both")
        time.sleep(1)
    load.none_lost(at_least=500, crossing=it.crossing)


@case("provider/stop-without-a-word")
def stop_without_a_word(it):
    """A member's server stops gracefully while the member is registered: the other one takes its calls."""
    manager, servers = it.manager(), [it.serve(), it.serve()]
    for server in servers:
        it.provide(manager, server, group="both")
    load = HttpLoad(manager, {"sleep": 20}, callers=12, seconds=5)
    time.sleep(1)
    it.agent.ask("stop", port=servers[0], grace_ms=5_000)
    load.none_lost(at_least=300, crossing=it.crossing)


@case("provider/killed")
def killed(it):
    """A provider that dies comes back at the same address, and does not have to wait for its own ghost."""
    manager, port = it.manager(), ports.free()
    first = it.another()
    first.ask("serve", port=port)
    it.provide(manager, port, agent=first)
    first.kill()
    second = it.another()
    second.ask("serve", port=port)
    arguments = {"target": manager["grpc"], "namespace": "peer", "executor": f"127.0.0.1:{port}"}
    until(lambda: second.ask("register", **arguments)["success"], "its successor is taken")
    until(lambda: manager.call("peer.Do", "1")[0] == 200, "its successor is called")


@case("provider/keepalive-idle", waits=True)
def keepalive_idle(it):
    manager, server = it.manager(), it.serve()
    proxy = it.proxy(server)
    it.provide(manager, proxy.port)
    equal(manager.call("peer.Do", "1")[0], 200, "the HTTP status of the first call")
    time.sleep(60)
    told = f"{proxy.pings('client')} pings of ours, {proxy.goaways()}"
    http, answer = manager.call("peer.Do", "1")
    equal(proxy.goaways(), [], f"the peer's GOAWAY ({told})")
    equal(http, 200, f"the HTTP status of a call after 60 s ({answer}; {told})")
    equal(proxy.connections, 1, f"the number of connections ({told})")


@case("provider/keepalive-busy", waits=True)
def keepalive_busy(it):
    manager, server = it.manager(), it.serve()
    proxy = it.proxy(server)
    it.provide(manager, proxy.port)
    http, answer = manager.call("peer.Do", {"sleep": 50_000}, timeout="65s")
    told = f"{proxy.pings('client')} pings of ours, {proxy.goaways()}"
    equal(http, 200, f"the HTTP status of a call of 50 s ({answer}; {told})")
    equal(proxy.goaways(), [], f"the peer's GOAWAY ({told})")
