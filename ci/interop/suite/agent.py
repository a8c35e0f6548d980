"""A peer's process, which takes commands as lines of JSON and answers likewise: see ../README.md."""

import itertools
import json
import subprocess
import threading
from concurrent.futures import Future


class AgentError(Exception):
    """The peer could not do what it was asked to, or is gone."""


class Agent:
    def __init__(self, program, log):
        self.log = open(log, "ab")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.log}
        self.process = subprocess.Popen([program], text=True, **pipes)
        self.numbers, self.waiting, self.lock = itertools.count(1), {}, threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            try:
                answer = json.loads(line)
            except ValueError:
                self.log.write(line.encode())
                continue
            with self.lock:
                future = self.waiting.pop(answer.pop("id"), None)
            if future and "failed" in answer:
                future.set_exception(AgentError(answer["failed"]))
            elif future:
                future.set_result(answer)
        with self.lock:
            left, self.waiting = self.waiting, None
        for future in left.values():
            future.set_exception(AgentError("the peer's process has ended"))

    def start(self, op, **arguments):
        """Sends a command, and gives the future of its answer."""
        future = Future()
        with self.lock:
            if self.waiting is None:
                raise AgentError("the peer's process has ended")
            number = next(self.numbers)
            self.waiting[number] = future
            self.process.stdin.write(json.dumps({"id": number, "op": op, **arguments}) + "\n")
            self.process.stdin.flush()
        return future

    def ask(self, op, **arguments):
        # What takes time by itself says so: deadlines are the longest.
        patience = 20 + arguments.get("timeout_ms", 0) / 1000
        try:
            return self.start(op, **arguments).result(timeout=patience)
        except TimeoutError:
            raise AgentError(f"the peer has not answered {op} within {patience:.0f} s") from None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
