"""Runs the examples' programs as a user does, and checks what they print. The tests beside this file use it."""

import fcntl
import json
import os
import pathlib
import pty
import re
import secrets
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

KEYS = ["transport", "topic", "reader", "published", "taken", "dropped", "p50_ns", "p99_ns"]
TOPICS = ["sysmon/cpu", "sysmon/memory", "sysmon/io"]
READERS = ["view", "alarm"]
RATE_HZ = 50
LONGEST_S = 60  # for anything: a machine may be busy, and a sanitizer slow

HEADING = re.compile(r"^transport +topic +reader +published +taken +dropped +P50 +P99$", re.MULTILINE)

CONFIGURATIONS = pathlib.Path(__file__).parents[2] / "examples/sysmon"  # shm.toml and inproc.toml

# A program inherits it if a signal is ignored, as a shell's background job does, and would not hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def run(command: list, **options) -> subprocess.CompletedProcess:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} | options
    done = subprocess.run(command, text=True, timeout=LONGEST_S, **options)
    print("$", *command, f"\n-- stdout\n{done.stdout}-- stderr\n{done.stderr}-- exit code {done.returncode}")
    return done


def check_rows(text: str, transport: str, least: float, readers: list[str] = READERS) -> list[dict]:
    """Checks the JSON lines: there is one for each topic and reader, and every message is accounted for."""
    rows = [json.loads(line) for line in text.splitlines()]
    for row in rows:
        assert list(row) == KEYS, f"keys: {list(row)}"
        assert row["transport"] == transport, row
        assert row["published"] == row["taken"] + row["dropped"], f"messages are missing: {row}"
        assert row["taken"] >= least, f"fewer than {least} taken: {row}"
        assert 0 < row["p50_ns"] <= row["p99_ns"] < 1e11, f"latencies: {row}"
    pairs = {(row["topic"], row["reader"]) for row in rows}
    assert len(rows) == len(pairs) and pairs == {(topic, reader) for topic in TOPICS for reader in readers}, pairs
    return rows


class Domain:
    """A domain of a test's own. At the end its programs must have left nothing in /dev/shm."""

    def __init__(self):
        self.name = f"test-{os.getpid()}-{secrets.token_hex(4)}"
        self.directory = pathlib.Path(f"/dev/shm/baton-{os.getuid()}", self.name)

    def __enter__(self) -> "Domain":
        os.environ["BATON_DOMAIN"] = self.name
        return self

    def __exit__(self, kind, *_exception) -> None:
        del os.environ["BATON_DOMAIN"]
        left = sorted(map(str, self.directory.rglob("*"))) if self.directory.exists() else None
        shutil.rmtree(self.directory, ignore_errors=True)
        if left is not None and kind is None:
            raise AssertionError(f"left behind: {self.directory} with {left}")


class Program:
    """A program that runs beside others. What it prints goes to files, so that it never waits for somebody to read."""

    def __init__(self, *command):
        self.command = [str(word) for word in command]
        self.files = [tempfile.TemporaryFile() for _ in range(2)]
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.files[0],
                                        stderr=self.files[1])

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_exception) -> None:
        if self.process.poll() is None:
            print("-- killed by the test:")
            self.kill()
        for file in self.files:
            file.close()

    def read(self, index: int) -> str:
        descriptor = self.files[index].fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode()

    @property
    def stdout(self) -> str:
        return self.read(0)

    @property
    def stderr(self) -> str:
        return self.read(1)

    def wait_until_it_says(self, text: str) -> None:
        deadline = time.monotonic() + LONGEST_S
        while text not in self.stdout + self.stderr:
            assert self.process.poll() is None, f"{self.command[0]} has ended: {self.stderr}"
            assert time.monotonic() < deadline, f"{self.command[0]} does not say {text!r}: {self.stdout}{self.stderr}"
            time.sleep(0.01)

    def wait(self) -> str:
        """Waits for its end, which must be a clean one. Returns its stdout."""
        code = self.process.wait(timeout=LONGEST_S)
        print("$", *self.command, f"\n-- stdout\n{self.stdout}-- stderr\n{self.stderr}-- exit code {code}")
        assert code == 0, f"{self.command[0]} failed with {code}"
        return self.stdout

    def end(self, number: int = signal.SIGTERM) -> str:
        self.process.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        self.process.kill()
        code = self.process.wait()
        print("$", *self.command, f"\n-- stdout\n{self.stdout}-- stderr\n{self.stderr}-- exit code {code}")


class Terminal:
    """A program under a pseudo-terminal."""

    def __init__(self, command: list[str], rows: int = 24, columns: int = 80, **environment: str):
        variables = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        self.controller, self.terminal = pty.openpty()
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.modes = termios.tcgetattr(self.terminal)
        self.process = subprocess.Popen(command, stdin=self.terminal, stdout=self.terminal, stderr=self.terminal,
                                        env=variables | environment, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_exception) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.controller)
        os.close(self.terminal)

    def press_control_c(self) -> None:
        os.write(self.controller, b"\x03")

    def read(self) -> str:
        """All that the program writes until it has ended."""
        text = b""
        deadline = time.monotonic() + LONGEST_S
        while True:
            assert time.monotonic() < deadline, "it does not end"
            ended = self.process.poll() is not None
            readable = select.select([self.controller], [], [], 0.1)[0]
            if readable:
                text += os.read(self.controller, 65536)
            elif ended:
                return text.decode()

    def screen_is_as_before(self, text: str) -> None:
        assert termios.tcgetattr(self.terminal) == self.modes, "the terminal's modes have changed"
        assert text.rfind("\x1b[?7h") >= text.rfind("\x1b[?7l"), "lines do not wrap any more"
        assert "\x1b[?1049h" not in text and "\x1b[?25l" not in text, "nothing of this is given back"
        assert text.rfind("\x1b[0m") >= max(text.rfind(f"\x1b[{code}m") for code in (1, 31, 32, 33)), "still coloured"
