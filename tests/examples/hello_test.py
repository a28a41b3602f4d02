"""Runs the example hello and looks at what it prints, in one process and in two."""

import os
import sys
import time

sys.dont_write_bytecode = True
from programs import CONFIGURATIONS, Domain, Program, run  # noqa: E402

EXPECTED = "".join(f"hello, world {count}\n" for count in range(1, 11))


def in_one_process(program: str) -> None:
    done = run([program])
    assert done.returncode == 0, "it failed"
    assert done.stdout == EXPECTED, "it said something else"
    assert done.stderr == "", "it complained"

    with open("/dev/full", "w", encoding="utf-8") as full:
        done = run([program], stdout=full)
    assert done.returncode == 1, "it did not notice that nobody can read it"

    for wrong in (["--frob"], ["talk", "listen"], [""]):
        done = run([program, *wrong])
        assert done.returncode == 2 and done.stdout == "", wrong
        assert done.stderr == "usage: hello [talk | listen]\n", "it does not say why"


def in_two_processes(program: str) -> None:
    os.environ["BATON_CONFIG"] = str(CONFIGURATIONS / "shm.toml")
    for first, second in (("talk", "listen"), ("listen", "talk")):
        with Program(program, first) as one:
            time.sleep(0.3)
            with Program(program, second) as other:
                assert one.wait() + other.wait() == EXPECTED, "it said something else"
                assert one.stderr + other.stderr == "", "it complained"


CASES = {function.__name__: function for function in (in_one_process, in_two_processes)}


def main() -> int:
    with Domain():
        CASES[sys.argv[1]](sys.argv[2])
    return 0


if __name__ == "__main__":
    sys.exit(main())
