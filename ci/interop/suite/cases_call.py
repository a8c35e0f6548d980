"""`squall call` calls servers of peers."""

from case import COMPRESSING, binary, case, equal

import squall


@case("call/unary")
def unary(it):
    server = it.serve()
    for method in ["send", "message"]:
        equal(squall.call(server, {"n": 1}, "--method", method), (0, {"n": 1}), f"what {method} gives")
    equal(squall.call(server, {"n": 1}), (0, {"n": 1}), "what it gives when the method is not said")


@case("call/codes")
def codes(it):
    """The peer's codes and texts are told, and that the handler may have done its work."""
    server = it.serve()
    for method in ["send", "message"]:
        for code in range(1, 17):
            order = {"status": code, "text": f"reason {code}"}
            exit, said = squall.call(server, order, "--method", method)
            assert exit != 0, f"{method}: code {code} is a success"
            whole = f"{said['error']} {said['cause']}"
            # A deadline that has passed is a timeout of its own, whatever the peer's text.
            assert code == 4 or f"reason {code}" in whole, f"{method}: the text of code {code} is missing in {said}"
            if code in (4, 8, 14):
                equal(said["outcome"], "unknown", f"{method}: the outcome of code {code}")
            if code == 4:
                equal(said["class"], "timeout", f"{method}: the class of DEADLINE_EXCEEDED")


@case("call/deadline")
def deadline(it):
    server = it.serve()
    for method in ["send", "message"]:
        mark = it.mark()
        order = {"mark": mark, "sleep": 20_000}
        exit, said = squall.call(server, order, "--method", method, "--timeout", "800ms")
        equal((exit, said["class"]), (3, "timeout"), f"how {method} ends ({said['error']})")
        seen = it.seen(server, mark)["deadline_ms"]
        assert seen is not None and seen <= 800, f"{method}: the peer saw a deadline of {seen} ms"
        it.is_cancelled(server, mark, within_ms=3_000)


@case("call/only-message")
def only_message(it):
    """A peer that does not have Send is called by Message."""
    server = it.serve(only_message=True)
    equal(squall.call(server, {"n": 1}), (0, {"n": 1}), "what the call gives")
    exit, said = squall.call(server, {"n": 1}, "--method", "send")
    assert exit != 0, "the method that was asked for is not there, and the call is a success"


@case("call/unimplemented-by-a-handler")
def unimplemented_by_a_handler(it):
    """It has run: it is not run a second time by the other method."""
    server = it.serve()
    for arguments in [(), ("--method", "send")]:
        mark = it.mark()
        exit, said = squall.call(server, {"mark": mark, "status": 12, "text": "not today"}, *arguments)
        assert exit != 0, "it is a success"
        assert "not today" in f"{said['error']} {said['cause']}", f"the text is missing in {said}"
        equal(it.seen(server, mark)["method"], "Send", "the method that the peer saw")


@case("call/metadata")
def metadata(it):
    server = it.serve()
    sent = ["--metadata", "tenant=blue", "--metadata", "note=grün"]
    mark = it.mark()
    equal(squall.call(server, {"mark": mark}, "--method", "send", *sent)[0], 0, "the exit code of send")
    seen = it.seen(server, mark)["map"]
    equal((seen.get("tenant"), seen.get("note")), ("blue", "grün"), "the metadata of send")
    mark = it.mark()
    equal(squall.call(server, {"mark": mark}, "--method", "message", *sent)[0], 0, "the exit code of message")
    seen = it.seen(server, mark)["metadata"]
    for pair in [["tenant", "blue"], ["note-bin", binary("grün".encode())]]:
        assert pair in seen, f"{pair} was seen as {seen}"


@case("call/gzip", peers=COMPRESSING)
def gzip(it):
    """We say that we take compressed answers, and do."""
    server = it.serve(gzip=True)
    for method in ["send", "message"]:
        proxy = it.proxy(server)
        exit, said = squall.call(proxy.port, {"blob": 200_000}, "--method", method)
        equal(exit, 0, f"the exit code of {method} ({str(said)[:200]})")
        equal(len(said), 200_000, f"the length of the answer to {method}")
        size = proxy.bytes["server"]
        assert size < 50_000, f"{method}: the peer did not compress: {size} bytes came"


@case("call/oversized")
def oversized(it):
    server = it.serve()
    for method in ["send", "message"]:
        exit, said = squall.call(server, {"blob": 3_900_000}, "--method", method)
        equal((exit, len(said)), (0, 3_900_000), f"an answer of 3.9 MB by {method}")
        exit, said = squall.call(server, {"blob": 5_000_000}, "--method", method)
        assert exit != 0, f"{method}: an answer of 5 MB is a success"
        equal(said["outcome"], "unknown", f"{method}: the outcome of an answer that is too large")
        assert "limit" in f"{said['error']} {said['cause']}", f"{method}: it is not told why: {said}"
        exit, said = squall.call(server, {"pad": "x" * 5_000_000}, "--method", method)
        assert exit != 0, f"{method}: a request of 5 MB is a success"
        equal(said["outcome"], "failed", f"{method}: the outcome of a request that is too large")


@case("call/settings-first")
def settings_first(it):
    """No stream is opened before the peer's SETTINGS have been read."""
    server = it.serve()
    proxy = it.proxy(server, delay=0.5)
    equal(squall.call(proxy.port, {"n": 1}, "--method", "send"), (0, {"n": 1}), "what the call gives")
    settings = proxy.of("server", "SETTINGS")[0].at
    headers = proxy.of("client", "HEADERS")[0].at
    assert headers >= settings, f"HEADERS were sent {settings - headers:.2f} s before SETTINGS came"
