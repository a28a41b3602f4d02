"""Programs of different ages exchange tables: evolution_test.py OLDER NEWER BROKEN."""

import os
import pathlib
import subprocess
import sys
import unittest
import uuid

OLDER, NEWER, BROKEN = sys.argv[1:4]


class Evolution(unittest.TestCase):
    def setUp(self):
        self.domain = f"evolution-{uuid.uuid4().hex[:12]}"
        self.processes = []
        self.addCleanup(self.nothing_is_left)

    def nothing_is_left(self):
        for process in self.processes:
            process.kill()
            process.communicate()
        self.assertFalse(pathlib.Path(f"/dev/shm/baton-{os.getuid()}/{self.domain}").exists(), "the domain is still there")

    def start(self, program, *arguments):
        process = subprocess.Popen([program, *arguments], env={**os.environ, "BATON_DOMAIN": self.domain},
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    def reader(self, program, *writers):
        process = self.start(program, "read", *writers)
        self.assertEqual("reading\n", process.stdout.readline())
        return process

    def finish(self, process, code=0):
        out, err = process.communicate(timeout=40)
        self.assertEqual(code, process.returncode, out + err)
        return out.splitlines()

    def of(self, lines, writer):
        return [line.split(" ", 1)[1] for line in lines if line.startswith(writer + " ")]

    def test_an_old_reader_takes_from_an_old_and_a_new_writer_at_once(self):
        reader = self.reader(OLDER, "older", "newer")
        writers = [self.start(program, "write", "20") for program in (OLDER, NEWER)]
        for writer in writers:
            self.assertEqual(["written"], self.finish(writer))
        lines = self.finish(reader)
        expected = [f"{number} step {number}" for number in range(1, 21)]
        self.assertEqual(expected, self.of(lines, "older"))
        self.assertEqual(expected, self.of(lines, "newer"))

    def test_a_new_reader_takes_from_both_and_finds_defaults_where_the_old_one_knows_nothing(self):
        reader = self.reader(NEWER, "older", "newer")
        for program in (OLDER, NEWER):
            self.assertEqual(["written"], self.finish(self.start(program, "write", "20")))
        lines = self.finish(reader)
        self.assertEqual([f"{number} step {number} 7 nowhere" for number in range(1, 21)], self.of(lines, "older"))
        self.assertEqual([f"{number} step {number} {number / 2:g} {number:.6f}" for number in range(1, 21)],
                         self.of(lines, "newer"))

    def test_a_reader_goes_on_when_its_writer_is_replaced_by_a_newer_one(self):
        reader = self.reader(OLDER, "newer")
        old = self.start(OLDER, "write", "1000000000")
        while not reader.stdout.readline().startswith("older 1000"):
            self.assertIsNone(reader.poll())
        old.kill()
        new = self.start(NEWER, "write", "20")
        lines = self.finish(reader)
        self.assertEqual([f"{number} step {number}" for number in range(1, 21)], self.of(lines, "newer"))
        self.assertEqual(["written"], self.finish(new))

    def test_a_breaking_change_is_refused_on_both_sides_with_its_reason(self):
        for reader_program, writer_program, mine, theirs in ((OLDER, BROKEN, "uint64", "double"),
                                                             (BROKEN, NEWER, "double", "uint64")):
            reader = self.reader(reader_program, "nobody")
            writer = self.start(writer_program, "write", "1")
            ages = [pathlib.Path(program).name.removeprefix("evolution_") for program in (reader_program, writer_program)]
            words = "; build both programs from the same IDL, or only append to the older one"
            self.assertEqual(f"refused: the types differ: field number: {mine} here, {theirs} in {ages[1]}_writer{words}\n",
                             reader.stdout.readline())
            self.assertEqual(f"refused: the types differ: field number: {theirs} here, {mine} in {ages[0]}_reader{words}\n",
                             writer.stdout.readline())
            for process in (reader, writer):
                self.finish(process, 3)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
