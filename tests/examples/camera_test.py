"""Runs the camera example on a stream that is made here: three processes, and the pictures that come out."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from programs import LONGEST_S, Domain, Program, run  # noqa: E402

WIDTH, HEIGHT, FRAMES = 320, 200, 60


def pixels(number: int, channels: int) -> bytes:
    """A bright bar that moves."""
    row = bytearray(WIDTH * channels)
    begin = (number * 4 % (WIDTH - 8)) * channels
    row[begin : begin + 8 * channels] = b"\xff" * (8 * channels)
    return bytes(row) * HEIGHT


def ppm_stream() -> bytes:
    header = f"P6\n# a comment\n{WIDTH} {HEIGHT}\n255\n".encode()
    return b"".join(header + pixels(number, 3) for number in range(1, FRAMES + 1))


def y4m_stream() -> bytes:
    colour = b"\x80" * (WIDTH // 2 * HEIGHT // 2 * 2)
    frames = (b"FRAME\n" + pixels(number, 1) + colour for number in range(1, FRAMES + 1))
    return f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F25:1 Ip A1:1 C420jpeg\n".encode() + b"".join(frames)


def pass_on(programs: pathlib.Path, stream: bytes, expected: dict[str, bytes]) -> None:
    with Domain(), tempfile.TemporaryDirectory() as directory:
        viewers = [
            Program(programs / "camera_viewer", "--every", "20", "--write", f"{directory}/frame-"),
            Program(programs / "camera_viewer", "--topic", "camera/edges", "--every", "20", "--write",
                    f"{directory}/edges-"),
            Program(programs / "camera_edges"),
        ]
        camera = subprocess.run([programs / "camera", "--viewers", "2", "--rate", "200", "--wait", "yes"],
                                input=stream, stdout=subprocess.PIPE, timeout=LONGEST_S)
        print(camera.stdout.decode())
        assert camera.returncode == 0 and re.match(rf"{FRAMES} frames, ", camera.stdout.decode()), "the camera"
        for viewer in viewers:
            assert viewer.process.wait(LONGEST_S) == 0, viewer.command
        looked = viewers[0].files[0]
        looked.seek(0)
        text = looked.read().decode()
        print(text)
        assert re.match(rf"{FRAMES} frames, 0 missed, ", text), "the viewer missed something"
        for name, content in expected.items():
            assert (pathlib.Path(directory) / name).read_bytes() == content, f"{name} is other than it should be"
        edges = (pathlib.Path(directory) / "edges-20.pgm").read_bytes()
        header = f"P5\n{WIDTH} {HEIGHT}\n255\n".encode()
        assert edges.startswith(header) and len(edges) == len(header) + WIDTH * HEIGHT, "the edges' size"
        row = edges[len(header) : len(header) + WIDTH]
        bar = 20 * 4 % (WIDTH - 8)
        assert [i for i, value in enumerate(row) if value] == [bar - 1, bar + 7], "edges are where the bar begins and ends"


def main() -> int:
    case, programs = sys.argv[1], pathlib.Path(sys.argv[2])
    if case == "passes_on_ppm":
        header = f"P6\n{WIDTH} {HEIGHT}\n255\n".encode()
        pass_on(programs, ppm_stream(), {"frame-20.ppm": header + pixels(20, 3), "frame-60.ppm": header + pixels(60, 3)})
    elif case == "passes_on_y4m":
        header = f"P5\n{WIDTH} {HEIGHT}\n255\n".encode()
        pass_on(programs, y4m_stream(), {"frame-40.pgm": header + pixels(40, 1)})
    elif case == "refuses_odd_streams":
        for odd in (b"GIF89a", b"P6\n0 10\n255\n", b"P6\n10 10\n65535\n", b"P6\n10 x\n255\n", b"P6\n10 10\n255\nabc",
                    b"YUV4MPEG2 W10 H10 C444\nFRAME\n", b"YUV4MPEG2 W10 H10\nFRAMX"):
            with Domain():
                done = subprocess.run([programs / "camera", "--viewers", "0"], input=odd, stderr=subprocess.PIPE,
                                      stdout=subprocess.PIPE, timeout=LONGEST_S)
                assert done.returncode == 1 and done.stderr.startswith(b"camera: "), (odd, done.stderr)
        assert run([programs / "camera", "--speed", "1"]).returncode == 2, "an option that is none"
    return 0


if __name__ == "__main__":
    os.environ.pop("BATON_CONFIG", None)
    sys.exit(main())
