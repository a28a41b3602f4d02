"""Runs the example programs that wait, each in its way, over both transports, and looks at what they print."""

import os
import pathlib
import re
import sys

sys.dont_write_bytecode = True
from programs import CONFIGURATIONS, Domain, run  # noqa: E402

EXPECTED = {
    "control_loop": r"at 50 after reading 100\n",
    "event_loop": r"100 readings\n",
    "callbacks": r"100 and 100 readings\n",
    "ten_topics": r"200 readings of 10 sensors in \d+ tenths of a second\n",
    "coroutine": r"100 readings, and it blinked\n|this compiler has no coroutines\n",
}


def main() -> int:
    way, program = sys.argv[1], sys.argv[2]
    for transport in ("shm", "inproc"):
        os.environ["BATON_CONFIG"] = str(CONFIGURATIONS / f"{transport}.toml")
        assert pathlib.Path(os.environ["BATON_CONFIG"]).exists(), "there is no such configuration"
        with Domain():
            done = run([program])
            print(done.stdout, done.stderr, sep="")
            assert done.returncode == 0, f"it failed over {transport}"
            assert re.fullmatch(EXPECTED[way], done.stdout), f"it said something else over {transport}"
            assert done.stderr == "", "it complained"
    return 0


if __name__ == "__main__":
    sys.exit(main())
