"""A module of `squall up` calls servers of peers, on behalf of clients of the same peer."""

import socket
import time

from case import case, equal, none_lost

#: A stock server takes a ping every 5 minutes of a client without calls.
IDLE = 60


@case("router/age")
def age(it):
    """A server whose connections live for 250 ms."""
    server = it.serve(age_ms=250, age_grace_ms=5_000)
    up = it.router(server)
    load = it.load(up["front"], "way.in", {"sleep": 20}, callers=16, ms=6_000)
    none_lost(load, at_least=500)


@case("router/age-by-message")
def age_by_message(it):
    server = it.serve(age_ms=250, age_grace_ms=5_000)
    up = it.router(server, topology="routed-by-message")
    load = it.load(up["front"], "way.in", "1", callers=16, ms=4_000, gap_ms=5, method="Message")
    none_lost(load, at_least=500)


@case("router/one-stream")
def one_stream(it):
    """50 cold calls at once, at a server that takes one at a time."""
    server = it.serve(streams=1)
    up = it.router(server)
    none_lost(it.load(up["front"], "way.in", {"sleep": 20}, callers=50, ms=60_000, calls=200), at_least=200)


@case("router/graceful-stop")
def graceful_stop(it):
    """Of two servers one after the other stops gracefully, and comes back."""
    servers = [it.serve(), it.serve()]
    up = it.router(*servers)
    load = it.load(up["front"], "way.in", {"sleep": 20}, callers=16, ms=8_000)
    for port in servers:
        time.sleep(1)
        it.agent.ask("stop", port=port, grace_ms=5_000)
        time.sleep(0.5)
        it.serve(port=port)
        # Backoff may be 1 s, and a little more.
        time.sleep(1.5)
    none_lost(load, at_least=500, crossing=it.crossing)


@case("router/abrupt-stop")
def abrupt_stop(it):
    """Of a server that ends at once, what was in flight is lost, and nothing after its return."""
    server = it.serve()
    up = it.router(server)
    load = it.load(up["front"], "way.in", {"sleep": 20}, callers=8, ms=2_500)
    time.sleep(1.5)
    it.agent.ask("stop", port=server, grace_ms=0)
    result = load.result(timeout=60)
    assert result["counts"].get("OK", 0) >= 100, f"before it ended: {result}"
    it.serve(port=server)
    time.sleep(2.5)
    none_lost(it.load(up["front"], "way.in", "1", callers=8, ms=1_000, gap_ms=5), at_least=100)


@case("router/one-hangs")
def one_hangs(it):
    """One of two addresses is of a process whose kernel accepts, and that does nothing: calls go to the other."""
    server = it.serve()
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        up = it.router(server, hanging.getsockname()[1])
        load = it.load(up["front"], "way.in", "1", callers=8, ms=7_000, gap_ms=20, timeout_ms=7_000)
        none_lost(load, at_least=300)


@case("router/many-at-once")
def many_at_once(it):
    server = it.serve()
    up = it.router(server)
    load = it.load(up["front"], "way.in", {"sleep": 500}, callers=90, ms=60_000, calls=180)
    none_lost(load, at_least=180)


@case("router/large")
def large(it):
    server = it.serve()
    up = it.router(server)
    load = it.load(up["front"], "way.in", {"blob": 3_900_000}, callers=4, ms=60_000, calls=12)
    none_lost(load, at_least=12)
    data = '"' + "x" * 3_900_000 + '"'
    none_lost(it.load(up["front"], "way.in", data, callers=4, ms=60_000, calls=8), at_least=8)


@case("router/keepalive-idle", waits=True)
def keepalive_idle(it):
    """A connection without calls is left in peace by a stock server."""
    server = it.serve()
    proxy = it.proxy(server)
    up = it.router(proxy.port)
    equal(it.call(up["front"], "Send", "way.in", "1")["error"], "", "the error of the first call")
    time.sleep(IDLE)
    answer = it.call(up["front"], "Send", "way.in", "1")
    told = f"{proxy.pings('client')} pings of ours, {proxy.goaways()}"
    equal(proxy.goaways(), [], f"the peer's GOAWAY ({told})")
    equal((answer["code"], answer["error"]), ("OK", ""), f"what a call ends with after {IDLE} s ({told})")
    equal(proxy.connections, 1, f"the number of connections ({told})")


@case("router/keepalive-busy", waits=True)
def keepalive_busy(it):
    """One call of 50 s, of which nothing is heard meanwhile, is not cut by a stock server."""
    server = it.serve()
    proxy = it.proxy(server)
    up = it.router(proxy.port)
    answer = it.call(up["front"], "Send", "way.in", {"sleep": 50_000}, timeout_ms=65_000)
    told = f"{proxy.pings('client')} pings of ours, {proxy.goaways()}"
    equal((answer["code"], answer["error"]), ("OK", ""), f"what the call ends with after {answer['ms']} ms ({told})")
    equal(proxy.goaways(), [], f"the peer's GOAWAY ({told})")
