"""Builds the programs of docs/migrating.md, and runs them: those of baton against this build of it as it is installed, those of
another system where its packages are installed.

    migrating_test.py SYSTEM --cmake CMAKE --compiler COMPILER --build DIRECTORY [--launcher LAUNCHER]

Exits with 77, which CTest takes for skipped, and says why, where the system is not there.
"""

import argparse
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

PROGRAMS = pathlib.Path(__file__).resolve().parent / "migrating"
PACKAGES = {
    "baton": [],
    "cyclonedds": ["cyclonedds-dev", "cyclonedds-tools"],
    "fastdds": ["libfastrtps-dev", "libfastcdr-dev", "fastddsgen"],
    "iceoryx": ["libiceoryx-posh-dev"],
    "lcm": ["liblcm-dev", "liblcm-bin", "libglib2.0-dev"],
    "zeromq": ["cppzmq-dev", "libzmq3-dev"],
}
LINE = re.compile(r"imu_link (\d+) 9\.81")
LCM_GROUP = ("239.255.76.67", 7667)
SKIPPED = 77


def missing_packages(system: str) -> list[str]:
    def is_installed(package: str) -> bool:
        try:
            query = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package], capture_output=True, text=True)
        except FileNotFoundError:  # no Debian
            return False
        return query.stdout == "installed"

    return [package for package in PACKAGES[system] if not is_installed(package)]


def cannot_run(system: str) -> str:
    """Why the programs are only built, or nothing."""
    if system == "iceoryx":
        return "they need a daemon, RouDi"
    if system == "lcm":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            try:
                datagrams.connect(LCM_GROUP)
            except OSError as error:
                return f"there is no multicast here: {error.strerror}"
    return ""


def environment(directory: pathlib.Path) -> dict[str, str]:
    """Nothing leaves this machine, and nobody else's programs are met."""
    interfaces = '<Interfaces><NetworkInterface name="lo"/></Interfaces>'
    own = {
        "BATON_DOMAIN": f"migrating-{os.getpid()}",
        "CYCLONEDDS_URI": f'<CycloneDDS><Domain Id="any"><General>{interfaces}</General></Domain></CycloneDDS>',
        "LCM_DEFAULT_URL": f"udpm://{LCM_GROUP[0]}:{LCM_GROUP[1]}?ttl=0",
    }
    inherited = {name: value for name, value in os.environ.items() if name != "BATON_CONFIG"}
    return {**inherited, **own, "TMPDIR": str(directory)}


def build(system: str, arguments: argparse.Namespace, directory: pathlib.Path) -> pathlib.Path:
    settings = ["-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_CXX_COMPILER_LAUNCHER={arguments.launcher}"]
    if system == "baton":
        prefix = directory / "a place"
        subprocess.run([arguments.cmake, "--install", arguments.build, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
        settings += [f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={arguments.compiler}"]
    binaries = directory / "build"
    subprocess.run([arguments.cmake, "-S", PROGRAMS / system, "-B", binaries, "-G", "Ninja", *settings], check=True)
    subprocess.run([arguments.cmake, "--build", binaries], check=True)
    return binaries


def run(binaries: pathlib.Path, directory: pathlib.Path) -> None:
    """The publisher goes on to its end: killed, some systems would leave files in shared memory."""
    place = {"cwd": directory, "env": environment(directory)}
    subscriber = subprocess.Popen([binaries / "subscriber"], stdout=subprocess.PIPE, text=True, **place)
    time.sleep(0.3)
    publisher = subprocess.Popen([binaries / "publisher"], **place)
    try:
        printed, _ = subscriber.communicate(timeout=60)
        assert subscriber.returncode == 0, f"the subscriber ended with {subscriber.returncode}"
        assert publisher.wait(timeout=60) == 0, f"the publisher ended with {publisher.returncode}"
    finally:
        for process in (subscriber, publisher):
            if process.poll() is None:
                process.kill()
                process.wait()
    stamps = [int(match[1]) for match in map(LINE.fullmatch, printed.splitlines()) if match]
    assert len(stamps) == len(printed.splitlines()) and len(stamps) >= 10, f"the subscriber printed:\n{printed}"
    assert stamps == sorted(stamps), f"the stamps do not rise: {stamps}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("system", choices=sorted(PACKAGES))
    for option in ("--cmake", "--compiler", "--build"):
        parser.add_argument(option, required=True)
    parser.add_argument("--launcher", default="")
    arguments = parser.parse_args()

    if missing := missing_packages(arguments.system):
        print(f"skipped: not installed: {', '.join(missing)}")
        return SKIPPED
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        binaries = build(arguments.system, arguments, directory)
        if why := cannot_run(arguments.system):
            print(f"built, but not run: {why}")
        else:
            run(binaries, directory)
            print("built and run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
