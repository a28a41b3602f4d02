"""Runs the system monitor in one process as a user does, one case a call.

sysmon_test.py --case NAME --transport NAME --least-share SHARE PROGRAM
"""

import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

sys.dont_write_bytecode = True
from programs import CONFIGURATIONS, HEADING, LONGEST_S, RATE_HZ, Domain, Terminal, check_rows, run  # noqa: E402

ATTEMPTS = 3  # for what a long stall of the machine may spoil
NOTHING_TO_READ = "nothing can be read here: no load, cpu, memory, network or disk"


class Setup(NamedTuple):
    transport: str
    least_share: float  # of the messages that the rate and the time promise


def run_at_rate(program: str, transport: str, rate_hz: int, seconds: int, least: float) -> None:
    """Every run accounts for every message, and in one of them at least so many of them are taken."""
    fewest = 0
    for _attempt in range(ATTEMPTS):
        start = time.monotonic()
        done = run([program, "--seconds", str(seconds), "--rate", str(rate_hz), "--json"])
        most = rate_hz * (time.monotonic() - start) + 1
        assert done.returncode == 0
        assert HEADING.search(done.stderr), "the table is missing on stderr"
        rows = check_rows(done.stdout, transport, 1)
        assert all(row["published"] <= most for row in rows), "it publishes too fast"
        fewest = min(row["taken"] for row in rows)
        if fewest >= least:
            return
    raise AssertionError(f"fewer than {least} taken in each of {ATTEMPTS} runs, {fewest} in the last")


def accounts_for_every_message(program: str, setup: Setup) -> None:
    run_at_rate(program, setup.transport, RATE_HZ, 3, setup.least_share * RATE_HZ * 3)
    run_at_rate(program, setup.transport, 200, 1, setup.least_share * 0.5 * 200)

    done = run([program, "--seconds", "2"])
    assert done.returncode == 0 and done.stderr == ""
    assert HEADING.search(done.stdout), "the table is missing"
    assert re.search(r"cpu [\d.]+ %  memory [\d.]+ %", done.stdout), "there is no line of the view"
    assert "\x1b" not in done.stdout, "escape sequences without a terminal"


def accounts_for_every_configuration(program: str, setup: Setup) -> None:
    """However little a reader may hold or have queued, it goes on to the end, and no message is unaccounted for."""
    few_held = ["max_held = 1\n", "max_held = 1\ndepth = 1\n"]
    little_room = [f'depth = 1\noverflow = "{overflow}"\n'
                   for overflow in ("drop_newest", "drop_oldest", "reject", "block")]
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "baton.toml")
        for settings in (*few_held, *little_room):
            path.write_text(f'[[topic]]\nmatch = "sysmon/**"\ntransport = "{setup.transport}"\n{settings}',
                            encoding="utf-8")
            print(settings)
            done = run([program, "--seconds", "1.5", "--rate", "500", "--json", "--config", str(path)])
            assert done.returncode == 0
            check_rows(done.stdout, setup.transport, 20)  # many more than it may hold


def ends_on_a_signal(program: str, setup: Setup) -> None:
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
        check_rows(stdout, setup.transport, 1)
        assert HEADING.search(stderr), "the table is missing"


def draws_on_a_terminal(program: str, _setup: Setup) -> None:
    with Terminal([program, "--seconds", "2.3"], TERM="xterm") as terminal:
        text = terminal.read()
        print(text)
        assert terminal.process.returncode == 0
        terminal.screen_is_as_before(text)
    tables = text.count("cpu      ")
    # Once a second; a busy machine takes longer than the 2.3 s.
    assert 2 <= tables <= 20, f"{tables} tables"
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
        terminal.press_control_c()
        text = terminal.read()
        assert terminal.process.returncode == 0
        terminal.screen_is_as_before(text)
    assert HEADING.search(text.replace("\r\n", "\n")), "the final table is missing after Ctrl-C"


def refuses_wrong_arguments(program: str, _setup: Setup) -> None:
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


def refuses_a_broken_configuration(program: str, setup: Setup) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "broken.toml")
        path.write_text('[[topic]]\nmatch = "sysmon/**"\ndepth = "many"\n', encoding="utf-8")
        done = run([program, "--seconds", "1", "--config", str(path)])
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith(f"sysmon_all: {path}:3:") and done.stderr.count("\n") == 1, "not file:line"

        done = run([program, "--seconds", "1", "--config", str(path.with_name("none.toml"))])
        assert done.returncode == 1 and str(path.with_name("none.toml")) in done.stderr

        path.write_text(f'[[topic]]\nmatch = "sysmon/**"\ntransport = "{setup.transport}"\ndepth = 4\n',
                        encoding="utf-8")
        done = run([program, "--seconds", "1", "--json", "--config", str(path)])
        assert done.returncode == 0
        check_rows(done.stdout, setup.transport, 1)


def notices_that_nobody_can_read_it(program: str, _setup: Setup) -> None:
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


def survives_odd_files(program: str, setup: Setup) -> None:
    with tempfile.TemporaryDirectory() as directory:
        proc = pathlib.Path(directory)

        def shows(line: str) -> bool:
            done = run([program, "--seconds", "2.5", "--json", "--proc", str(proc)])
            assert done.returncode == 0
            check_rows(done.stdout, setup.transport, 1)
            return line in done.stderr.splitlines()

        assert shows(NOTHING_TO_READ), "it does not say that there is nothing"

        write_files(proc, "\0\1\2 nonsense", "MemTotal: kB\n" * 1000, ":::\n" * 1000)
        (proc / "diskstats").mkdir()
        assert shows(NOTHING_TO_READ), "it makes something of nonsense"

        (proc / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 250 kB\n", encoding="utf-8")
        assert shows("memory 75.0 %"), "it does not show the one file that is good"


def raises_and_clears_alarms(program: str, _setup: Setup) -> None:
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
    accounts_for_every_message, accounts_for_every_configuration, ends_on_a_signal, draws_on_a_terminal,
    refuses_wrong_arguments, refuses_a_broken_configuration, notices_that_nobody_can_read_it, survives_odd_files,
    raises_and_clears_alarms)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, required=True)
    parser.add_argument("--transport", default="inproc")
    parser.add_argument("--least-share", type=float, default=0.95)
    parser.add_argument("program")
    arguments = parser.parse_args()
    os.environ["BATON_CONFIG"] = str(CONFIGURATIONS / f"{arguments.transport}.toml")
    with Domain():
        CASES[arguments.case](arguments.program, Setup(arguments.transport, arguments.least_share))
    return 0


if __name__ == "__main__":
    sys.exit(main())
