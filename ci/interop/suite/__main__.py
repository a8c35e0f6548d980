"""Real peers against squall: see ../README.md."""

import argparse
import fnmatch
import os
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cases_call
import cases_manager
import cases_provider
import cases_router
import cases_up
from case import CASES, Bench

assert all((cases_call, cases_manager, cases_provider, cases_router, cases_up)), "importing them fills the table"

HERE = Path(__file__).resolve().parent.parent
PEERS = ["grpcio", "grpc-js", "grpc-go", "grpc-java"]
#: What a peer's `setup` says when its packages cannot be had.
NOT_TO_BE_HAD = 77
#: Peers whose cases run at once, beside the cases that wait.
LANES = 3


class Results:
    def __init__(self):
        self.lock, self.count = threading.Lock(), {"ok": 0, "FAILED": 0, "skipped": 0}

    def say(self, verdict, peer, case, detail=""):
        detail = " ".join(detail.split())
        with self.lock:
            self.count[verdict] += 1
            print(f"{verdict:7} {peer:9} {case:28} {detail[:400]}".rstrip(), flush=True)


def main():
    parser = argparse.ArgumentParser(prog="ci/interop/run", description="Real gRPC peers against squall.")
    parser.add_argument("--peer", action="append", choices=PEERS, help="only this one (may be given several times)")
    parser.add_argument("--case", action="append", help="only cases like this: 'up/*' (may be given several times)")
    parser.add_argument("--list", action="store_true", help="print the names of all cases")
    parser.add_argument("--cache", type=Path, default=HERE.parent.parent / "target/interop", help="where peers are built")
    arguments = parser.parse_args()
    chosen = [
        case for case in CASES.values() if any(fnmatch.fnmatch(case.name, it) for it in arguments.case or ["*"])
    ]
    if arguments.list:
        for case in chosen:
            print(case.name, *case.peers)
        return 0

    began, results = time.monotonic(), Results()
    logs = arguments.cache / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    lanes = threading.Semaphore(LANES)

    def run(peer, program, cases):
        for case in cases:
            log = logs / f"{peer}-{case.name.replace('/', '-')}.log"
            log.write_bytes(b"")
            try_one(results, case, peer, program, log)

    def meet(peer):
        mine = [case for case in chosen if not case.peers or peer in case.peers]
        program, verdict, why = setup(peer, arguments.cache)
        if not program:
            for case in mine:
                results.say(verdict, peer, case.name, why)
            return
        print(f"# {peer} is {why}, after {time.monotonic() - began:.0f} s", flush=True)
        waiting = [threading.Thread(target=run, args=(peer, program, [case])) for case in mine if case.waits]
        for thread in waiting:
            thread.start()
        with lanes:
            run(peer, program, [case for case in mine if not case.waits])
        for thread in waiting:
            thread.join()

    with ThreadPoolExecutor() as meetings:
        list(meetings.map(meet, arguments.peer or PEERS))
    count = results.count
    print(f"# {time.monotonic() - began:.0f} s in all")
    print(f"{count['ok']} passed, {count['FAILED']} failed, {count['skipped']} skipped")
    return 1 if count["FAILED"] else 0


def setup(peer, cache):
    """The program of a peer, or what is to be said of its cases and why."""
    folder = cache / peer
    folder.mkdir(parents=True, exist_ok=True)
    try:
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run([HERE / peer / "setup", folder], **output, timeout=240)
    except subprocess.TimeoutExpired:
        return None, "skipped", "its setup took longer than 240 s"
    (folder / "setup.log").write_text(done.stdout)
    if done.returncode == 0:
        return folder / "agent", "ok", (folder / "version").read_text().strip()
    said = done.stdout.strip().splitlines()[-1:] or ["no word"]
    verdict = "skipped" if done.returncode == NOT_TO_BE_HAD else "FAILED"
    return None, verdict, f"cannot be set up: {said[0]}"


def try_one(results, case, peer, program, log):
    began = time.monotonic()
    try:
        with Bench(peer, HERE, program, log) as bench:
            case.run(bench)
    except AssertionError as error:
        results.say("FAILED", peer, case.name, str(error) or traceback.format_exc(limit=-1))
    except Exception as error:  # One case must not take the others with it.
        results.say("FAILED", peer, case.name, f"{type(error).__name__}: {error}")
        with open(log, "a") as file:
            traceback.print_exc(file=file)
    else:
        results.say("ok", peer, case.name, f"{time.monotonic() - began:.1f} s")


code = main()
sys.stdout.flush()
# Threads of proxies may still be at it.
os._exit(code)
