"""Runs the example hello and looks at what it prints."""

import subprocess
import sys
import time

EXPECTED = "".join(f"hello, world {count}\n" for count in range(1, 11))


def main() -> int:
    program = sys.argv[1]
    start = time.monotonic()
    done = subprocess.run([program], capture_output=True, text=True, timeout=60)
    print(f"{time.monotonic() - start:.2f} s, exit code {done.returncode}\n{done.stdout}{done.stderr}")
    assert done.returncode == 0, "it failed"
    assert done.stdout == EXPECTED, "it said something else"
    assert done.stderr == "", "it complained"

    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([program], stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1, "it did not notice that nobody can read it"

    done = subprocess.run([program, "--frob"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stdout == "", "it takes arguments"
    assert done.stderr == "hello: it takes no arguments\n", "it does not say why"
    return 0


if __name__ == "__main__":
    sys.exit(main())
