"""Peers are providers at `squall manager`: what they ask of it."""

import time

from case import case, equal, until
from cases_up import healthy, reflected

SERVICE = "constellation.provider.v1.ModuleProvider"


def is_gone(manager, connection):
    until(lambda: connection not in manager.providers(), "the provider is deregistered")


@case("manager/life")
def life(it):
    """From Register to Deregister."""
    manager, server = it.manager(), it.serve()
    connection = it.provide(manager, server, heartbeat_ms=300)
    status, answer = manager.call("peer.Do", {"n": 1})
    equal((status, answer), (200, {"output": {"text": '{"n": 1}'}}), "what a call gives")
    state = lambda: it.agent.ask("provider", connection=connection)
    until(lambda: state()["acks"] >= 3, "heartbeats are acknowledged")
    until(lambda: ["Do"] in state()["reports"], "active modules are reported")
    assert it.agent.ask("leave", connection=connection, how="deregister")["success"], "Deregister is refused"
    is_gone(manager, connection)
    equal(manager.call("peer.Do", "1")[0], 404, "the HTTP status of a call after it")


@case("manager/codes")
def codes(it):
    manager, server = it.manager(), it.serve()
    for namespace, text in [("9x", "must start with a letter"), ("stdlib", "is reserved")]:
        arguments = {"target": manager["grpc"], "namespace": namespace, "executor": f"127.0.0.1:{server}"}
        answer = it.agent.ask("register", **arguments)
        assert not answer["success"], f"{namespace} is taken"
        assert text in answer["reasons"][0], f"the reason is {answer['reasons']}"
    for path in [f"/{SERVICE}/Nothing", "/no.such.Service/Register"]:
        code = it.agent.ask("unknown", target=manager["grpc"], path=path)["code"]
        equal(code, "UNIMPLEMENTED", f"the code of {path}")
    arguments = {"target": manager["grpc"], "namespace": "peer", "executor": f"127.0.0.1:{server}"}
    answer = it.agent.ask("register", claim="nobody", **arguments)
    state = lambda: it.agent.ask("provider", connection=answer["connection"])["ended"]
    until(lambda: state() is not None, "a stream of an unknown connection ends")
    equal(state(), "NOT_FOUND", "the code of a stream of an unknown connection")


@case("manager/gzip")
def gzip(it):
    manager, server = it.manager(), it.serve()
    it.provide(manager, server, gzip=True)


@case("manager/health")
def health(it):
    healthy(it, it.manager()["grpc"], SERVICE)


@case("manager/reflection")
def reflection(it):
    reflected(it, it.manager()["grpc"], SERVICE)


@case("manager/drain")
def drain(it):
    manager, server = it.manager(), it.serve()
    connection = it.provide(manager, server)
    body = {"reason": "a new version", "deadline": "20s"}
    equal(manager.http(f"/v1/providers/{manager.provided[connection]}/drain", body)[0], 202, "the HTTP status of the drain")
    state = lambda: it.agent.ask("provider", connection=connection)["drain"]
    until(lambda: state() is not None, "the provider is asked to leave")
    equal(state(), {"reason": "a new version", "deadline_ms": 20_000}, "what it is told")
    it.agent.ask("leave", connection=connection, how="half_close")
    is_gone(manager, connection)


@case("manager/streams-that-end")
def streams_that_end(it):
    manager, server = it.manager(), it.serve()
    for how in ["half_close", "cancel"]:
        connection = it.provide(manager, server)
        it.agent.ask("leave", connection=connection, how=how)
        is_gone(manager, connection)
        if how == "half_close":
            state = lambda: it.agent.ask("provider", connection=connection)["ended"]
            until(lambda: state() == "OK", "the manager ends the stream, too")


@case("manager/restart")
def restart(it):
    """SIGTERM ends streams in order and soon, and the provider can register with the next process."""
    manager, server = it.manager(), it.serve()
    connection = it.provide(manager, server)
    began = time.monotonic()
    manager.terminate()
    took = time.monotonic() - began
    assert took < 5, f"the manager took {took:.1f} s to end, and has a grace of 10 s"
    state = lambda: it.agent.ask("provider", connection=connection)["ended"]
    until(lambda: state() is not None, "the provider's stream ends")
    equal(state(), "OK", "the code that the stream ends with")
    manager.begin()
    it.provide(manager, server)
    equal(manager.call("peer.Do", "1")[0], 200, "the HTTP status of a call")


@case("manager/keepalive", waits=True)
def keepalive(it):
    """A provider whose client pings every 10 s, and has little to say, stays."""
    manager, server = it.manager(CONSTELLATION_PROVIDER_HEARTBEAT_TIMEOUT="60s"), it.serve()
    connection = it.provide(manager, server, heartbeat_ms=20_000, keepalive_ms=10_000)
    time.sleep(45)
    equal(manager.providers().get(connection), "active", "the provider's state after 45 s")
    equal(it.agent.ask("provider", connection=connection)["ended"], None, "the end of its stream")
    equal(manager.call("peer.Do", "1")[0], 200, "the HTTP status of a call")
