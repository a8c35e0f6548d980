"""Peers call modules of `squall up`."""

import time

from case import METHODS, binary, case, equal, none_lost, until

import squall

#: What breaks off at a peer whose server is killed may be called so.
BROKEN_OFF = {"UNAVAILABLE", "CANCELLED", "INTERNAL", "UNKNOWN"}


@case("up/unary")
def unary(it):
    up = it.up("served")
    for method in METHODS:
        answer = it.call(up["back"], method, "echo.in", '{"n":1}')
        equal((answer["code"], answer["data"]), ("OK", '{"n":1}'), f"the answer to {method}")


@case("up/codes")
def codes(it):
    up = it.up("served")
    for to, data, code, text in [
        ("fail.in", "1", "UNKNOWN", "no more"),
        ("panic.in", "1", "INTERNAL", "panicked"),
        ("nobody.in", "1", "NOT_FOUND", "nobody"),
        ("", "1", "INVALID_ARGUMENT", ""),
        ("echo.in", "{ no JSON", "INVALID_ARGUMENT", ""),
    ]:
        answer = it.call(up["back"], "Message", to, data)
        equal(answer["code"], code, f"the code of {to!r} ({answer['message']})")
        assert text in answer["message"], f"the message of {to!r} is {answer['message']!r}"
        answer = it.call(up["back"], "Send", to, data)
        equal(answer["code"], "OK", f"the code of {to!r} by Send ({answer['message']})")
        assert answer["error"] and text in answer["error"], f"the error of {to!r} by Send is {answer['error']!r}"
    trailers = it.call(up["back"], "Message", "fail.in", "1")["trailers"]
    assert ["x-error-code", "E402"] in trailers, f"the trailers are {trailers}"
    for path in ["/module.ModuleService/Nothing", "/no.such.Service/Send"]:
        equal(it.agent.ask("unknown", target=up["back"], path=path)["code"], "UNIMPLEMENTED", f"the code of {path}")


@case("up/deadline")
def deadline(it):
    """The peer's deadline reaches our module, what it called in turn, and stops the work."""
    server = it.serve()
    for method, topology in zip(METHODS, ["routed", "routed-by-message"]):
        up, mark = it.router(server, topology=topology), it.mark()
        answer = it.call(up["front"], method, "way.in", {"mark": mark, "sleep": 20_000}, timeout_ms=600)
        # Our module gives up at the same moment, and by Send says so in its answer.
        is_over = answer["code"] == "DEADLINE_EXCEEDED" or "timed out" in answer["error"]
        assert is_over, f"{method} ends with {answer['code']} {answer['error']}"
        assert 500 <= answer["ms"] <= 3_000, f"{method} took {answer['ms']} ms"
        it.is_cancelled(server, mark, within_ms=3_000)
        seen = it.seen(server, mark)["deadline_ms"]
        assert seen is not None and seen <= 600, f"{method}: the server behind ours saw a deadline of {seen} ms"
        until(lambda: squall.in_flight(up) == 0, "our module has ended its work")


@case("up/cancel")
def cancel(it):
    server = it.serve()
    up = it.router(server)
    for method in METHODS:
        mark = it.mark()
        answer = it.call(up["front"], method, "way.in", {"mark": mark, "sleep": 20_000}, cancel_ms=500)
        equal(answer["code"], "CANCELLED", f"the code of {method}")
        it.is_cancelled(server, mark, within_ms=3_000)
        until(lambda: squall.in_flight(up) == 0, "our module has ended its work")


@case("up/metadata")
def metadata(it):
    server = it.serve()
    up = it.router(server, topology="routed-by-message")
    sent = [["x-tenant", "blue"], ["note-bin", binary("grün".encode())], ["raw-bin", binary(b"\xff\xfe\0\x80")]]
    for method in METHODS:
        mark = it.mark()
        answer = it.call(up["front"], method, "way.in", {"mark": mark}, metadata=sent)
        equal((answer["code"], answer["error"]), ("OK", ""), f"what {method} ends with ({answer['message']})")
    seen = it.seen(server, mark)["metadata"]
    for pair in sent[:2]:
        assert pair in seen, f"{pair} was passed on by Message as {seen}"


@case("up/metadata-without-text")
def metadata_without_text(it):
    """Bytes that are no UTF-8 do not fail a call, wherever it ends."""
    up = it.up("served")
    sent = [["raw-bin", binary(bytes(range(256)))], ["grpc-trace-bin", binary(b"\0\xff")], ["empty-bin", ""]]
    for method in METHODS:
        answer = it.call(up["back"], method, "echo.in", "1", metadata=sent)
        equal((answer["code"], answer["error"]), ("OK", ""), f"what {method} ends with ({answer['message']})")


@case("up/gzip")
def gzip(it):
    """The peer sends compressed."""
    up = it.up("served")
    proxy = it.proxy(port_of(up["back"]))
    data = '"' + "x" * 100_000 + '"'
    for method in METHODS:
        answer = it.call(f"127.0.0.1:{proxy.port}", method, "echo.in", data, gzip=True)
        equal(answer["code"], "OK", f"the code of {method} ({answer['message']})")
        assert answer["data"] == data, "the data came back altered"
    assert proxy.bytes["client"] < 50_000, f"the peer did not compress: {proxy.bytes['client']} bytes"


@case("up/oversized")
def oversized(it):
    up = it.up("served")
    data = '"' + "x" * 5_000_000 + '"'
    for method in METHODS:
        answer = it.call(up["back"], method, "echo.in", data, timeout_ms=20_000)
        equal(answer["code"], "RESOURCE_EXHAUSTED", f"the code of a request of 5 MB by {method} ({answer['message']})")
        answer = it.call(up["back"], method, "echo.in", "1")
        equal(answer["code"], "OK", f"the code of the next call by {method}")
    answer = it.call(up["back"], "Message", "oversized.in", "1")
    equal(answer["code"], "RESOURCE_EXHAUSTED", f"the code of an answer of 5 MB ({answer['message']})")
    answer = it.call(up["back"], "Send", "oversized.in", "1")
    assert answer["error"] or answer["code"] == "RESOURCE_EXHAUSTED", f"an answer of 5 MB by Send is {answer['code']}"
    small = {"channel": "small", "max_receive": 100_000}
    answer = it.call(up["back"], "Send", "large.in", "1", **small)
    equal(answer["code"], "RESOURCE_EXHAUSTED", "the code of an answer that the peer does not take")
    answer = it.call(up["back"], "Send", "echo.in", "1", **small)
    equal(answer["code"], "OK", "the code of the next call")


@case("up/large")
def large(it):
    """Messages close to the limit, several at a time."""
    up = it.up("served")
    load = it.load(up["back"], "echo.in", '"' + "x" * 3_900_000 + '"', callers=4, ms=60_000, calls=12)
    none_lost(load, at_least=12)
    load = it.load(up["back"], "large.in", "1", callers=8, ms=60_000, calls=24)
    none_lost(load, at_least=24)


@case("up/many-at-once")
def many_at_once(it):
    up = it.up("served")
    none_lost(it.load(up["back"], "slow.in", "1", callers=200, ms=60_000, calls=200), at_least=200)


@case("up/health")
def health(it):
    up = it.up("served")
    healthy(it, up["back"], "module.ModuleService")


def healthy(it, target, ours):
    for service in ["", ours]:
        answer = it.agent.ask("health", target=target, service=service)
        equal((answer["code"], answer["statuses"]), ("OK", ["SERVING"]), f"the health of {service!r}")
        answer = it.agent.ask("health", target=target, service=service, watch=True, ms=700)
        equal((answer["code"], answer["statuses"]), ("OPEN", ["SERVING"]), f"what a watch of {service!r} sees")
    answer = it.agent.ask("health", target=target, service="no.such.Service")
    equal(answer["code"], "NOT_FOUND", "the code of the health of an unknown service")
    answer = it.agent.ask("health", target=target, service="no.such.Service", watch=True, ms=700)
    equal((answer["code"], answer["statuses"]), ("OPEN", ["SERVICE_UNKNOWN"]), "what a watch of an unknown service sees")


@case("up/health-at-the-end")
def health_at_the_end(it):
    """Who watches learns that the server ends, and does not keep it from ending."""
    up = it.up("served")
    it.agent.ask("health", target=up["back"], service="")
    watch = it.agent.start("health", target=up["back"], service="", watch=True, ms=8_000)
    time.sleep(1)
    began = time.monotonic()
    up.terminate()
    took = time.monotonic() - began
    answer = watch.result(timeout=20)
    equal(answer["statuses"][:2], ["SERVING", "NOT_SERVING"], f"what is seen ({answer['code']})")
    assert took < 5, f"the server took {took:.1f} s to end, and has a grace of 10 s"


@case("up/reflection")
def reflection(it):
    up = it.up("served")
    reflected(it, up["back"], "module.ModuleService")


def reflected(it, target, ours):
    for version in ["v1", "v1alpha"]:
        answer = it.agent.ask("reflect", target=target, version=version, symbol=ours)
        assert ours in answer["services"], f"{version} lists {answer['services']}"
        assert answer["files"] >= 1, f"{version} has no file for {ours}"


@case("up/restart-under-load")
def restart_under_load(it):
    """SIGTERM, and a new process on the same port, three times: the peer loses no call."""
    up = it.up("served")
    slow = it.load(up["back"], "slow.in", "1", callers=10, ms=7_000, method="Message", channel="slow")
    quick = it.load(up["back"], "echo.in", "1", callers=6, ms=7_000, gap_ms=2, channel="quick")
    for _ in range(3):
        time.sleep(1.3)
        up.restart()
    none_lost(slow, at_least=150)
    none_lost(quick, at_least=150)


@case("up/killed-under-load")
def killed_under_load(it):
    """Only what was in flight is lost, and the peer comes back."""
    up = it.up("served")
    load = it.load(up["back"], "slow.in", "1", callers=8, ms=6_000, method="Message")
    time.sleep(2)
    up.kill()
    time.sleep(0.5)
    up.begin()
    result = load.result(timeout=60)
    counts = result["counts"]
    lost = sum(count for code, count in counts.items() if code != "OK")
    assert set(counts) <= BROKEN_OFF | {"OK"}, f"codes are {counts}"
    assert lost <= 16, f"{lost} calls lost: {counts}, {result['errors']}"
    answer = it.call(up["back"], "Message", "slow.in", "1", wait=True, timeout_ms=10_000)
    equal(answer["code"], "OK", f"the code of a call after it ({answer['message']})")


@case("up/idle-connections-at-the-end")
def idle_connections_at_the_end(it):
    """A peer that is connected and calls nothing does not keep our server from ending."""
    up = it.up("served")
    for channel in ["one", "two", "three"]:
        equal(it.call(up["back"], "Send", "echo.in", "1", channel=channel)["code"], "OK", "the code of a call")
    began = time.monotonic()
    up.terminate()
    took = time.monotonic() - began
    assert took < 4, f"the server took {took:.1f} s to end, and has a grace of 10 s"


@case("up/keepalive", waits=True)
def keepalive(it):
    """The peer pings every 10 s, idle for 22 s and during a call of 25 s: nothing is cut."""
    server = it.serve()
    up = it.router(server)
    proxy = it.proxy(port_of(up["front"]))
    target = {"target": f"127.0.0.1:{proxy.port}", "keepalive_ms": 10_000}
    answer = it.call(method="Send", to="way.in", data="1", wait=True, timeout_ms=10_000, **target)
    equal(answer["code"], "OK", f"the code of the first call ({answer['message']})")
    time.sleep(22)
    answer = it.call(method="Send", to="way.in", data={"sleep": 25_000}, timeout_ms=60_000, **target)
    equal(answer["code"], "OK", f"the code of the long call ({answer['message']}; {proxy.goaways()})")
    equal(proxy.goaways(), [], "our GOAWAY")
    equal(proxy.connections, 1, "the number of connections")
    assert proxy.pings("client") >= 2, f"the peer pinged {proxy.pings('client')} times"


#: What gRPC's own servers permit.
STRICT = ["--min-ping-interval", "5min"]


@case("up/pings-of-a-stock-client")
def pings_of_a_stock_client(it):
    """A server that is strict about pings takes those by which clients measure the bandwidth."""
    up = it.up("served", flags=STRICT)
    proxy = it.proxy(port_of(up["back"]))
    target = f"127.0.0.1:{proxy.port}"
    none_lost(it.load(target, "large.in", "1", callers=4, ms=2_000), at_least=4)
    none_lost(it.load(target, "echo.in", '"' + "x" * 1_000_000 + '"', callers=2, ms=1_500), at_least=2)
    none_lost(it.load(target, "echo.in", "1", callers=8, ms=1_500, gap_ms=1), at_least=50)
    told = f"after {proxy.pings('client')} pings of the peer"
    equal((proxy.goaways(), proxy.connections), ([], 1), f"our GOAWAY and the number of connections {told}")


@case("up/too-many-pings", waits=True)
def too_many_pings(it):
    """A peer that pings every 10 s is told off by a server that is strict, understands, and calls again."""
    up = it.up("served", flags=STRICT)
    proxy = it.proxy(port_of(up["back"]))
    target = {"target": f"127.0.0.1:{proxy.port}", "keepalive_ms": 10_000}
    answer = it.call(method="Send", to="echo.in", data="1", wait=True, timeout_ms=10_000, **target)
    equal(answer["code"], "OK", f"the code of the first call ({answer['message']})")
    until(proxy.goaways, "the peer is told off", seconds=50)
    said = proxy.goaways()[0]
    assert "code 11" in said and "too_many_pings" in said, f"the GOAWAY is {said}"
    answer = it.call(method="Send", to="echo.in", data="1", wait=True, timeout_ms=10_000, **target)
    equal(answer["code"], "OK", f"the code of a call after it ({answer['message']})")


@case("up/several-addresses", peers=("grpcio",))
def several_addresses(it):
    """C-core writes all addresses of its target into `:authority`, with a comma as %2C. h2 takes no `%` there: such a stream is
    reset at once, and others go on. With an authority of its own the peer is served."""
    one, other = it.up("served"), it.up("served")
    target = f"ipv4:{one['back']},{other['back']}"
    answer = it.call(target, "Send", "echo.in", "1", wait=True, timeout_ms=8_000)
    assert answer["code"] in ("OK", "INTERNAL"), f"the code is {answer['code']} ({answer['message']})"
    assert answer["ms"] < 6_000, f"the refusal took {answer['ms']} ms"
    named = {"channel": "named", "authority": "served", "wait": True, "timeout_ms": 8_000}
    answer = it.call(target, "Send", "echo.in", "1", **named)
    equal(answer["code"], "OK", f"the code with an authority ({answer['message']})")


def port_of(address):
    return int(address.rsplit(":", 1)[1])
