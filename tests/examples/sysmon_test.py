"""Runs the system monitor as a user does, one case a call: sysmon_test.py --case NAME --least-share SHARE PROGRAM."""

import argparse
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

KEYS = ["transport", "topic", "reader", "published", "taken", "dropped", "p50_ns", "p99_ns"]
TOPICS = ["sysmon/cpu", "sysmon/memory", "sysmon/io"]
READERS = ["view", "alarm"]
RATE_HZ = 50
ATTEMPTS = 3  # for what a long stall of the machine may spoil
LONGEST_S = 60  # for anything: a machine may be busy, and a sanitizer slow

NOTHING_TO_READ = "nothing can be read here: no load, cpu, memory, network or disk"
HEADING = re.compile(r"^transport +topic +reader +published +taken +dropped +P50 +P99$", re.MULTILINE)


def run(command: list[str], **options) -> subprocess.CompletedProcess:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} | options
    done = subprocess.run(command, text=True, timeout=LONGEST_S, **options)
    print("$", *command, f"\n-- stdout\n{done.stdout}-- stderr\n{done.stderr}-- exit code {done.returncode}")
    return done


def check_rows(text: str, least: float) -> list[dict]:
    """Checks the JSON lines: there is one for each topic and reader, and every message is accounted for."""
    rows = [json.loads(line) for line in text.splitlines()]
    for row in rows:
        assert list(row) == KEYS, f"keys: {list(row)}"
        assert row["transport"] == "inproc", row
        assert row["published"] == row["taken"] + row["dropped"], f"messages are missing: {row}"
        assert row["taken"] >= least, f"fewer than {least} taken: {row}"
        assert 0 < row["p50_ns"] <= row["p99_ns"] < 1e10, f"latencies: {row}"
    pairs = {(row["topic"], row["reader"]) for row in rows}
    assert len(rows) == len(pairs) and pairs == {(topic, reader) for topic in TOPICS for reader in READERS}, pairs
    return rows


def run_at_rate(program: str, rate_hz: int, seconds: int, least: float) -> None:
    """Every run accounts for every message, and in one of them at least so many of them are taken."""
    fewest = 0
    for _attempt in range(ATTEMPTS):
        start = time.monotonic()
        done = run([program, "--seconds", str(seconds), "--rate", str(rate_hz), "--json"])
        most = rate_hz * (time.monotonic() - start) + 1
        assert done.returncode == 0
        assert HEADING.search(done.stderr), "the table is missing on stderr"
        rows = check_rows(done.stdout, 1)
        assert all(row["published"] <= most for row in rows), "it publishes too fast"
        fewest = min(row["taken"] for row in rows)
        if fewest >= least:
            return
    raise AssertionError(f"fewer than {least} taken in each of {ATTEMPTS} runs, {fewest} in the last")


def accounts_for_every_message(program: str, least_share: float) -> None:
    run_at_rate(program, RATE_HZ, 3, least_share * RATE_HZ * 3)
    run_at_rate(program, 200, 1, least_share * 0.5 * 200)

    done = run([program, "--seconds", "2"])
    assert done.returncode == 0 and done.stderr == ""
    assert HEADING.search(done.stdout), "the table is missing"
    assert re.search(r"cpu [\d.]+ %  memory [\d.]+ %", done.stdout), "there is no line of the view"
    assert "\x1b" not in done.stdout, "escape sequences without a terminal"


def accounts_for_every_configuration(program: str, _least_share: float) -> None:
    """However little a reader may hold or have queued, it goes on to the end, and no message is unaccounted for."""
    few_held = ["max_held = 1\n", "max_held = 1\ndepth = 1\n"]
    little_room = [f'depth = 1\noverflow = "{overflow}"\n'
                   for overflow in ("drop_newest", "drop_oldest", "reject", "block")]
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "baton.toml")
        for settings in (*few_held, *little_room):
            path.write_text(f'[[topic]]\nmatch = "sysmon/**"\n{settings}', encoding="utf-8")
            print(settings)
            done = run([program, "--seconds", "1.5", "--rate", "500", "--json", "--config", str(path)])
            assert done.returncode == 0
            check_rows(done.stdout, 20)  # many more than it may hold


def ends_on_a_signal(program: str, _least_share: float) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process = subprocess.Popen([program, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            process.stderr.readline()  # the view's first line: all parts are running
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=LONGEST_S)
        finally:
            process.kill()
        print(f"-- {number.name}: exit code {process.returncode}\n{stdout}{stderr}")
        assert process.returncode == 0, f"{number.name} is a clean end"
        check_rows(stdout, 1)
        assert HEADING.search(stderr), "the table is missing"


class Terminal:
    """A program under a pseudo-terminal."""

    def __init__(self, command: list[str], rows: int = 24, columns: int = 80, **environment: str):
        variables = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        self.controller, self.terminal = pty.openpty()
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.modes = termios.tcgetattr(self.terminal)
        self.process = subprocess.Popen(command, stdin=self.terminal, stdout=self.terminal, stderr=self.terminal,
                                        env=variables | environment, start_new_session=True)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_exception) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.controller)
        os.close(self.terminal)

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


def draws_on_a_terminal(program: str, _least_share: float) -> None:
    with Terminal([program, "--seconds", "2.3"], TERM="xterm") as terminal:
        text = terminal.read()
        print(text)
        assert terminal.process.returncode == 0
        terminal.screen_is_as_before(text)
    tables = text.count("cpu      ")
    assert 2 <= tables <= 5, f"{tables} tables in 2.3 s"
    rows_up = [int(rows) for rows in re.findall(r"\x1b\[(\d+)A", text)]
    assert len(rows_up) >= tables - 1, "the table is not redrawn in place"
    assert "\x1b[32m" in text, "there are no colours"
    assert HEADING.search(text.replace("\r\n", "\n")), "the final table is missing"

    # On a terminal of few rows the picture is cut off instead of scrolling away.
    with Terminal([program, "--seconds", "1.3"], rows=4, TERM="xterm", NO_COLOR="1") as terminal:
        text = terminal.read()
        terminal.screen_is_as_before(text)
    assert {int(rows) for rows in re.findall(r"\x1b\[(\d+)A", text)} == {3}, "too many rows"
    assert not re.search(r"\x1b\[\d*m", text), "colours in spite of NO_COLOR"

    with Terminal([program, "--seconds", "1.3"], TERM="dumb") as terminal:
        text = terminal.read()
    assert "\x1b" not in text, "escape sequences on a dumb terminal"
    assert HEADING.search(text.replace("\r\n", "\n"))

    with Terminal([program], TERM="xterm") as terminal:
        time.sleep(1)
        os.killpg(terminal.process.pid, signal.SIGINT)
        text = terminal.read()
        assert terminal.process.returncode == 0
        terminal.screen_is_as_before(text)
    assert HEADING.search(text.replace("\r\n", "\n")), "the final table is missing after Ctrl-C"


def refuses_wrong_arguments(program: str, _least_share: float) -> None:
    wrong = [["--seconds", "0"], ["--seconds", "-1"], ["--seconds=-1"], ["--seconds", "1e9"], ["--seconds", "nan"],
             ["--seconds", "99999999999999999999999"], ["--seconds", "1e999"], ["--seconds", "three"], ["--seconds", ""],
             ["--seconds"], ["--rate", "0"], ["--rate", "-5"], ["--rate", "100000"], ["--rate", "inf"],
             ["--alarm-cpu", "0"], ["--alarm-cpu", "101"], ["--alarm-network", "-1"], ["--alarm-clear", "1000"],
             ["--config"], ["--config="], ["--proc"], ["--proc="], ["--proc", "/no/such/directory"],
             ["--proc", "/etc/passwd"], ["--seconds", "1", "--seconds", "2"], ["--no-such-option"], ["surplus"],
             ["--json", "yes"], ["--rate", "5x"]]
    for arguments in wrong:
        done = run([program, *arguments])
        assert done.returncode == 2, arguments
        assert done.stdout == "", arguments
        assert re.fullmatch(r"sysmon_all: [^\n]+; see --help\n", done.stderr), f"not one line: {done.stderr!r}"
    for arguments, told in ((["--no-such-option", "7"], "unknown argument '--no-such-option'"),
                            (["--seconds"], "--seconds needs a value"),
                            (["--rate", "1", "--rate", "2"], "--rate may be given only once"),
                            (["--rate", "0"], "--rate: '0' is not a number from 0.1 to 1000")):
        assert run([program, *arguments]).stderr == f"sysmon_all: {told}; see --help\n"
    done = run([program, "--help"])
    assert done.returncode == 0 and "--seconds" in done.stdout and done.stderr == ""


def refuses_a_broken_configuration(program: str, _least_share: float) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "broken.toml")
        path.write_text('[[topic]]\nmatch = "sysmon/**"\ndepth = "many"\n', encoding="utf-8")
        done = run([program, "--seconds", "1", "--config", str(path)])
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith(f"sysmon_all: {path}:3:") and done.stderr.count("\n") == 1, "not file:line"

        done = run([program, "--seconds", "1", "--config", str(path.with_name("none.toml"))])
        assert done.returncode == 1 and str(path.with_name("none.toml")) in done.stderr

        path.write_text('[[topic]]\nmatch = "sysmon/**"\ndepth = 4\n', encoding="utf-8")
        done = run([program, "--seconds", "1", "--json", "--config", str(path)])
        assert done.returncode == 0
        check_rows(done.stdout, 1)


def notices_that_nobody_can_read_it(program: str, _least_share: float) -> None:
    for arguments in (["--seconds", "30"], ["--seconds", "1", "--json"]):
        with open("/dev/full", "w", encoding="utf-8") as full:
            start = time.monotonic()
            done = run([program, *arguments], stdout=full)
        assert done.returncode == 1, arguments
        assert "cannot write to standard output: No space left on device" in done.stderr, arguments
        assert time.monotonic() - start < 25, "it went on although nobody can read it"


def write_files(proc: pathlib.Path, stat: str, meminfo: str, net_dev: str) -> None:
    (proc / "net").mkdir(exist_ok=True)
    for name, text in (("stat", stat), ("meminfo", meminfo), ("net/dev", net_dev)):
        (proc / name).write_text(text, encoding="utf-8")


def survives_odd_files(program: str, _least_share: float) -> None:
    with tempfile.TemporaryDirectory() as directory:
        proc = pathlib.Path(directory)

        def shows(line: str) -> bool:
            done = run([program, "--seconds", "2.5", "--json", "--proc", str(proc)])
            assert done.returncode == 0
            check_rows(done.stdout, 1)
            return line in done.stderr.splitlines()

        assert shows(NOTHING_TO_READ), "it does not say that there is nothing"

        write_files(proc, "\0\1\2 nonsense", "MemTotal: kB\n" * 1000, ":::\n" * 1000)
        (proc / "diskstats").mkdir()
        assert shows(NOTHING_TO_READ), "it makes something of nonsense"

        (proc / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 250 kB\n", encoding="utf-8")
        assert shows("memory 75.0 %"), "it does not show the one file that is good"


def raises_and_clears_alarms(program: str, _least_share: float) -> None:
    """The machine is one of files: memory runs full and is freed again."""
    net_dev = "heading\n eth0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
    with tempfile.TemporaryDirectory() as directory:
        proc = pathlib.Path(directory)

        def meminfo(percent: int) -> str:
            return f"MemTotal: 1000000 kB\nMemAvailable: {percent * 10000:7} kB\n"

        def set_available(percent: int) -> None:
            # The monitor keeps the file open: write into it, in one go and without changing its length.
            with open(proc / "meminfo", "r+", encoding="utf-8") as file:
                file.write(meminfo(percent))

        write_files(proc, "cpu 1 2 3 4\n", meminfo(90), net_dev)
        process = subprocess.Popen([program, "--proc", str(proc), "--alarm-memory", "80", "--alarm-clear", "50"],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            process.stdout.readline()  # the view's first line
            for available in (90, 5, 30, 10, 50, 80, 90):
                set_available(available)
                time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            text = process.communicate(timeout=LONGEST_S)[0]
        finally:
            process.kill()
        print(text)
        told = re.findall(r"^(?:ALARM|cleared) .*memory.*$", text, re.MULTILINE)
        assert told == ["ALARM    memory: 95.0 %, the threshold is 80.0 %", "cleared  memory: 20.0 %, below 40.0 %"], told


CASES = {function.__name__: function for function in (
    accounts_for_every_message, accounts_for_every_configuration, ends_on_a_signal, draws_on_a_terminal, refuses_wrong_arguments,
    refuses_a_broken_configuration, notices_that_nobody_can_read_it, survives_odd_files, raises_and_clears_alarms)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, required=True)
    parser.add_argument("--least-share", type=float, default=0.95)
    parser.add_argument("program")
    arguments = parser.parse_args()
    CASES[arguments.case](arguments.program, arguments.least_share)
    return 0


if __name__ == "__main__":
    sys.exit(main())
