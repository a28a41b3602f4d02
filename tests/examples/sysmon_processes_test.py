"""Runs the system monitor's parts as processes of their own as a user does, one case a call.

sysmon_processes_test.py --case NAME --least-share SHARE DIRECTORY, which the programs are in
"""

import argparse
import contextlib
import itertools
import json
import os
import pathlib
import re
import signal
import sys
import tempfile
import time
from typing import Iterator

sys.dont_write_bytecode = True
from programs import (CONFIGURATIONS, HEADING, LONGEST_S, RATE_HZ, TOPICS, Domain, Program, Terminal,  # noqa: E402
                      check_rows, run)

ATTEMPTS = 3  # for what a long stall of the machine may spoil
SHM = ["--config", CONFIGURATIONS / "shm.toml"]
INPROC = ["--config", CONFIGURATIONS / "inproc.toml"]


class Monitor:
    """Starts the programs, over shared memory unless told otherwise."""

    def __init__(self, directory: str, least_share: float):
        self.directory = pathlib.Path(directory)
        self.least_share = least_share  # of the messages that the rate and the time promise

    def program(self, name: str) -> str:
        return str(self.directory / f"sysmon_{name}")

    def probe(self, *arguments, config=SHM) -> Program:
        return Program(self.program("probe"), *config, *arguments)

    def view(self, *arguments, config=SHM) -> Program:
        return Program(self.program("view"), *config, "--json", *arguments)

    def alarm(self, *arguments, config=SHM) -> Program:
        # Every machine uses a hundredth of its memory: the first message raises an alarm, which shows that it came.
        return Program(self.program("alarm"), *config, "--json", "--alarm-memory", "1", *arguments)

    @contextlib.contextmanager
    def all(self, *arguments) -> Iterator[tuple[Program, Program, Program]]:
        """A view, an alarm, and a probe that begins when it sees both."""
        with self.view() as view, self.alarm() as alarm, self.probe("--readers", 2, *arguments) as probe:
            yield view, alarm, probe


def published_by(probe: Program) -> int:
    """Of each topic: the probe publishes all three in turn."""
    told = re.search(r"^(\d+) messages published$", probe.stdout, re.MULTILINE)
    assert told and int(told[1]) % len(TOPICS) == 0, probe.stdout
    return int(told[1]) // len(TOPICS)


def check_reader(reader: Program, name: str, published: int | None = None) -> list[dict]:
    """Ends it and checks its rows; `published` is how many messages of each topic it was there for."""
    rows = check_rows(reader.end(), "shm", 1, [name])
    assert HEADING.search(reader.stderr), "the table is missing on stderr"
    if published is not None:
        assert all(row["published"] == published for row in rows), f"it was there for {published} of each: {rows}"
    return rows


def accounts_for_every_message(monitor: Monitor) -> None:
    seconds = 3
    least = monitor.least_share * RATE_HZ * seconds
    for _attempt in range(ATTEMPTS):
        with monitor.all("--seconds", seconds) as (view, alarm, probe):
            probe.wait()
            rows = check_reader(view, "view", published_by(probe)) + check_reader(alarm, "alarm", published_by(probe))
            assert re.search(r"^load [\d.]+  cpu [\d.]+ %", view.stderr, re.MULTILINE), "there is no line of the view"
        if min(row["taken"] for row in rows) >= least:
            return
    raise AssertionError(f"fewer than {least} taken in each of {ATTEMPTS} runs")


def starts_in_every_order(monitor: Monitor) -> None:
    """Whoever comes later connects."""
    for order in itertools.permutations(("probe", "view", "alarm")):
        print("-- ", *order)
        with contextlib.ExitStack() as stack:
            started = {}
            for name in order:
                started[name] = stack.enter_context(getattr(monitor, name)())
                time.sleep(0.2)
            started["view"].wait_until_it_says("load ")
            started["alarm"].wait_until_it_says("ALARM    memory")
            started["probe"].end()
            check_reader(started["view"], "view")
            check_reader(started["alarm"], "alarm")


def ends_in_every_order(monitor: Monitor) -> None:
    """Every report adds up, also of a reader that ends while the probe publishes."""
    for order in itertools.permutations(("probe", "view", "alarm")):
        print("-- ", *order)
        with monitor.all("--rate", 1000) as (view, alarm, probe):
            view.wait_until_it_says("load ")
            for name in order:
                if name == "probe":
                    probe.end()
                else:
                    check_reader({"view": view, "alarm": alarm}[name], name)


def ends_on_a_signal(monitor: Monitor) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with monitor.all() as (view, alarm, probe):
            view.wait_until_it_says("load ")
            for program in (probe, view, alarm):
                program.process.send_signal(number)
            probe.wait()
            check_rows(view.wait(), "shm", 1, ["view"])
            check_rows(alarm.wait(), "shm", 1, ["alarm"])

    with Program("nohup", monitor.program("probe"), *SHM) as probe:
        probe.wait_until_it_says("publishing")
        probe.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert probe.process.poll() is None, "it does not survive its terminal"
        probe.end()

    with monitor.probe("--readers", 1) as probe:  # it waits in vain
        time.sleep(0.3)
        start = time.monotonic()
        assert "0 messages published" in probe.end()
        assert time.monotonic() - start < 10


def probe_is_killed_and_replaced(monitor: Monitor) -> None:
    with monitor.all() as (view, alarm, first):
        view.wait_until_it_says("load ")
        first.kill()
        view.wait_until_it_says("no probe is connected")
        with monitor.probe("--readers", 2, "--seconds", 1) as second:
            second.wait()
            rows = check_reader(view, "view") + check_reader(alarm, "alarm")
            assert all(row["published"] > published_by(second) for row in rows), "the first one's are not counted"


def view_is_killed(monitor: Monitor) -> None:
    with monitor.all() as (view, alarm, probe):
        view.wait_until_it_says("load ")
        view.kill()
        time.sleep(1)
        with monitor.view() as another:  # in the place of the first
            another.wait_until_it_says("load ")
            probe.end()
            check_reader(alarm, "alarm", published_by(probe))
            check_reader(another, "view")


def all_are_killed(monitor: Monitor) -> None:
    """What they leave is no hindrance to the next ones, who clean up after them."""
    for _round in range(2):
        with monitor.all() as programs:
            programs[0].wait_until_it_says("load ")
            for program in programs:
                program.process.send_signal(signal.SIGKILL)
            for program in programs:
                program.kill()
    with monitor.all("--seconds", 1) as (view, alarm, probe):
        probe.wait()
        check_reader(view, "view", published_by(probe))
        check_reader(alarm, "alarm", published_by(probe))


def view_is_stopped_for_a_while(monitor: Monitor) -> None:
    with monitor.all("--rate", 200) as (view, alarm, probe):
        view.wait_until_it_says("load ")
        view.process.send_signal(signal.SIGSTOP)
        time.sleep(2)
        view.process.send_signal(signal.SIGCONT)
        lines = view.stderr.count("load ")
        while view.stderr.count("load ") == lines:  # until it goes on
            time.sleep(0.05)
        probe.end()
        rows = check_reader(view, "view", published_by(probe))
        assert all(row["dropped"] > 0 for row in rows), "it had room for two seconds"
        rows = check_reader(alarm, "alarm", published_by(probe))
        assert all(row["dropped"] == 0 for row in rows), "the alarm has nothing to do with it"


def tells_that_transports_differ(monitor: Monitor) -> None:
    for view_first in (True, False):
        with contextlib.ExitStack() as stack:
            if view_first:
                view = stack.enter_context(monitor.view(config=INPROC))
                time.sleep(0.3)
            probe = stack.enter_context(monitor.probe())
            if not view_first:
                probe.wait_until_it_says("publishing")
                view = stack.enter_context(monitor.view(config=INPROC))
            for program, peer in ((view, "sysmon_probe"), (probe, "sysmon_view")):
                program.wait_until_it_says(f"not connected to {peer}: ")
            view.wait_until_it_says("no probe is connected")
            probe.end()
            view.end()
            for program in (probe, view):
                for topic in TOPICS:
                    refusals = [line for line in program.stderr.splitlines() if f"'{topic}': not connected to" in line]
                    assert len(refusals) == 1, f"not told once: {refusals}"
                    assert "shm" in refusals[0] and "inproc" in refusals[0], refusals[0]


def ends_on_a_terminal(monitor: Monitor) -> None:
    """Control-C reaches all programs of a terminal at once."""
    with tempfile.TemporaryDirectory() as directory:
        start = (f"{monitor.program('alarm')} $1 $2 --json > {directory}/alarm 2>&1 & "
                 f"{monitor.program('probe')} $1 $2 --readers 2 > {directory}/probe 2>&1 & "
                 f"{monitor.program('view')} $1 $2; code=$?; wait; exit $code")
        with Terminal(["bash", "-c", start, "bash", *map(str, SHM)], TERM="xterm") as terminal:
            deadline = time.monotonic() + LONGEST_S
            said_by_probe = pathlib.Path(directory, "probe")
            while not said_by_probe.exists() or "publishing" not in said_by_probe.read_text(encoding="utf-8"):
                assert time.monotonic() < deadline and terminal.process.poll() is None
                time.sleep(0.05)
            time.sleep(1.5)
            terminal.press_control_c()
            text = terminal.read()
            print(text)
            assert terminal.process.returncode == 0
            terminal.screen_is_as_before(text)
        assert "\x1b[" in text and "memory" in text, "it does not draw"
        assert HEADING.search(text.replace("\r\n", "\n")), "the view's table is missing"
        alarm, probe = (pathlib.Path(directory, name).read_text(encoding="utf-8") for name in ("alarm", "probe"))
        print(alarm, probe)
        assert "messages published" in probe
        check_rows("".join(line + "\n" for line in alarm.splitlines() if line.startswith("{")), "shm", 1, ["alarm"])


def refuses_wrong_arguments(monitor: Monitor) -> None:
    of_all = [["--seconds", "0"], ["--seconds", "three"], ["--seconds"], ["--config"], ["--config="],
              ["--no-such-option"], ["surplus"], ["--seconds", "1", "--seconds", "2"]]
    of_others = {
        "probe": [["--json"], ["--no-table"], ["--alarm-cpu", "50"], ["--readers", "-1"], ["--readers", "1.5"],
                  ["--readers", "many"], ["--rate", "0"], ["--proc", "/no/such/directory"]],
        "view": [["--rate", "50"], ["--proc", "/proc"], ["--readers", "1"], ["--alarm-cpu", "50"], ["--json", "yes"]],
        "alarm": [["--rate", "50"], ["--readers", "1"], ["--alarm-cpu", "0"], ["--alarm-clear", "1000"]],
        "all": [["--readers", "1"]]}
    for name, wrong in of_others.items():
        for arguments in of_all + wrong:
            done = run([monitor.program(name), *arguments])
            assert done.returncode == 2 and done.stdout == "", arguments
            assert re.fullmatch(rf"sysmon_{name}: [^\n]+; see --help\n", done.stderr), f"not one line: {done.stderr!r}"
        done = run([monitor.program(name), "--help"])
        assert done.returncode == 0 and f"Usage: sysmon_{name} " in done.stdout and done.stderr == ""
    assert run([monitor.program("probe"), "--readers", "1.5"]).stderr == (
        "sysmon_probe: --readers: '1.5' is not a whole number from 0 to 1000; see --help\n")


def refuses_a_broken_configuration(monitor: Monitor) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "broken.toml")
        for broken, line in (('[[topic]]\nmatch = "sysmon/**"\ndepth = "many"\n', 3),
                             ('[[topic]]\nmatch = "sysmon/**"\ntransport = "pigeon"\n', 1)):
            path.write_text(broken, encoding="utf-8")
            for name in ("probe", "view", "alarm"):
                done = run([monitor.program(name), "--seconds", "1", "--config", path])
                assert done.returncode == 1 and done.stdout == "", done
                assert re.fullmatch(rf"sysmon_{name}: {path}:{line}[^\n]+\n", done.stderr), done.stderr


def notices_that_nobody_can_read_it(monitor: Monitor) -> None:
    for name in ("probe", "view", "alarm"):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = run([monitor.program(name), *SHM, "--seconds", "1"], stdout=full)
        assert done.returncode == 1
        assert f"sysmon_{name}: cannot write to standard output: No space left on device" in done.stderr


def joins_reports(monitor: Monitor) -> None:
    row = {"transport": "shm", "topic": "sysmon/io", "reader": "view", "published": 5, "taken": 3, "dropped": 2,
           "p50_ns": 1000, "p99_ns": None}
    with tempfile.TemporaryDirectory() as directory:
        def report(name: str, **changes) -> str:
            pathlib.Path(directory, name).write_text(json.dumps(row | changes) + "\n", encoding="utf-8")
            return f"{directory}/{name}"

        good, other = report("good"), report("other", transport="inproc")
        done = run([monitor.program("report"), "--json", f"3 processes={good}", f"1 process={other}"])
        assert done.returncode == 0 and done.stderr == ""
        assert [json.loads(line) for line in done.stdout.splitlines()] == [
            row | {"programs": "3 processes"}, row | {"transport": "inproc", "programs": "1 process"}]
        done = run([monitor.program("report"), f"3 processes={good}", f"1 process={other}"])
        assert done.returncode == 0 and len(done.stdout.splitlines()) == 3
        assert done.stdout.startswith("programs     transport  topic ")

        for bad, told in ((report("bad", taken=2), "published is not taken + dropped"),
                          (report("none", published=0, taken=0, dropped=0), "no message was published")):
            done = run([monitor.program("report"), f"a={good}", f"b={bad}"])
            assert done.returncode == 1 and len(done.stdout.splitlines()) == 3
            assert done.stderr == f"sysmon_report: b, shm, sysmon/io, view: {told}\n"
        pathlib.Path(directory, "nonsense").write_text("{}\n", encoding="utf-8")
        for unreadable in ("nonsense", "none at all", "."):
            done = run([monitor.program("report"), f"a={directory}/{unreadable}"])
            assert done.returncode == 1 and done.stdout == ""
            assert done.stderr.startswith(f"sysmon_report: {directory}/{unreadable}: ")
        for wrong in ([], ["--json"], ["--frob"], [good], ["=b"]):
            done = run([monitor.program("report"), *wrong])
            assert done.returncode == 2 and done.stdout == "", wrong
            assert re.fullmatch(r"sysmon_report: [^\n]+; see --help\n", done.stderr), done.stderr


CASES = {function.__name__: function for function in (
    accounts_for_every_message, starts_in_every_order, ends_in_every_order, ends_on_a_signal,
    probe_is_killed_and_replaced, view_is_killed, all_are_killed, view_is_stopped_for_a_while,
    tells_that_transports_differ, ends_on_a_terminal, refuses_wrong_arguments, refuses_a_broken_configuration,
    notices_that_nobody_can_read_it, joins_reports)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, required=True)
    parser.add_argument("--least-share", type=float, default=0.95)
    parser.add_argument("directory")
    arguments = parser.parse_args()
    os.environ.pop("BATON_CONFIG", None)
    with Domain():
        CASES[arguments.case](Monitor(arguments.directory, arguments.least_share))
    return 0


if __name__ == "__main__":
    sys.exit(main())
