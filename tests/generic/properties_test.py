"""What holds for every type and every message of it, tried with many that are made up: properties_test.py PROGRAM LIBRARY.

BATON_PROPERTIES: how many files of types, 200 without; then others each time.
"""

import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

PROGRAM, LIBRARY = sys.argv[1:3]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "codegen"))

try:
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(tempfile.gettempdir(), "hypothesis"))
    import hypothesis
    from hypothesis import strategies as st
except ImportError:
    print("skipped: hypothesis is not installed (apt-get install python3-hypothesis)")
    sys.exit(77)
from support import ROOT, batongen_here  # noqa: E402
from valid_grammar import files  # noqa: E402

from batongen import check, layout, parser, resolve  # noqa: E402
from batongen.canonical import Descriptions  # noqa: E402
from batongen.cli import Run  # noqa: E402
from batongen.description import BinaryDescriptions  # noqa: E402
from batongen.model import Struct, scoped  # noqa: E402
from broken import Breaker  # noqa: E402
from json_form import difference, rounded, wrong_in  # noqa: E402
from typed import Source, live  # noqa: E402
from values import Maker  # noqa: E402

FILES = int(os.environ.get("BATON_PROPERTIES", 200))
COMPILER = shutil.which(os.environ.get("CXX", "g++"))
FLAGS = ("-std=c++20", "-O0", "-w", f"-I{ROOT / 'core/include'}")
START = int(time.time()) if "BATON_PROPERTIES" in os.environ else 1


def messages_of(path):
    """The types of a file that can be messages, with their descriptions in hexadecimal digits; and the extents of all."""
    run = Run([path], [], path.parent, None, True)
    model = resolve.resolve(parser.parse_all(run), run)
    extents = layout.lay_out(model)
    check.check(model, extents, run)
    assert not run.diagnostics.error_count, path.read_text()
    binary = BinaryDescriptions(Descriptions(extents), extents)
    return [(item, binary.of(item).hex()) for item in model.files[-1].items if isinstance(item, Struct)], extents


class Checker:
    """The program that reads and makes messages, as a process that goes on."""

    def __init__(self):
        self.process = subprocess.Popen([PROGRAM, "check"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *words):
        self.process.stdin.write(" ".join(words).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer.endswith(b"\n"), f"the program ended with {self.process.wait(5)}"
        *said, last = answer[:-1].split(b"\t")  # a verdict may quote any byte, JSON is UTF-8
        return [*(each.decode(errors="backslashreplace") for each in said), last.decode()]

    def end(self):
        self.process.communicate()
        return self.process.returncode

    def kill(self):
        self.process.kill()
        if not self.process.stdin.closed:
            self.process.communicate()


def scratched(bytes_, chance):
    """With some of them changed."""
    bytes_ = bytearray(bytes_)
    for _ in range(chance.choice([1, 1, 1, 8])):
        bytes_[chance.randrange(len(bytes_))] = chance.choice([0, 1, 2, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    return bytes_


def read(text):
    """JSON without members that come twice."""
    def members(pairs):
        assert len(dict(pairs)) == len(pairs), text
        return dict(pairs)
    return json.loads(text, object_pairs_hook=members)


class Properties(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.checker = None
        self.addCleanup(lambda: self.checker and self.checker.kill())

    def for_each(self, check_one, count, most=12):
        """Calls it with each type of so many files, its description, and a source of chance."""
        def check_file(text, seed):
            (self.folder / "x.idl").write_text(text, encoding="utf-8")
            chance = random.Random(seed)
            for type_, description in messages_of(self.folder / "x.idl")[0]:
                check_one(type_, description, chance)

        self.for_files(check_file, count, most)

    @staticmethod
    def for_files(check_file, count, most):
        settings = hypothesis.settings(max_examples=count, deadline=None, database=None,
                                       phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
                                       suppress_health_check=list(hypothesis.HealthCheck))
        hypothesis.seed(START)(settings(hypothesis.given(files(most=most), st.integers(0, 1 << 32))(check_file)))()

    def ask(self, *words):
        if self.checker is None or self.checker.process.poll() is not None:
            self.checker = Checker()
        return self.checker.ask(*words)

    def made(self, type_, sent, escaped):
        """What a message becomes: its bytes, the verdict and the JSON."""
        text = json.dumps(sent, ensure_ascii=escaped)
        answer = self.ask("json", text)
        self.assertEqual("made", answer[0], f"{answer}\n{text}")
        return answer[1], answer[2], rounded(type_, read(answer[3]))

    def check_same(self, type_, expected, got):
        found = difference(rounded(type_, expected), got)
        self.assertIsNone(found, f"{scoped(type_.name)}{found}")

    # --- Within one process ------------------------------------------------------------------------------------------

    def test_messages_are_read_as_they_were_written(self):
        seen = dict.fromkeys(("fixed", "raw", "table"), 0)

        def check_one(type_, description, chance):
            self.assertEqual(["loaded"], self.ask("type", description))
            for _ in range(3):
                sent, expected = Maker(chance).message(type_)
                made, verdict, got = self.made(type_, sent, chance.random() < 0.5)
                self.check_same(type_, expected, got)
                wrong = wrong_in(type_, None, expected)
                self.assertEqual("valid" if wrong is None else wrong, verdict if wrong is None else verdict.split(": ")[0])
                again, _, got = self.made(type_, expected, False)
                self.check_same(type_, expected, got)
                if not type_.is_table:  # what is absent there, and has a default, is written the second time
                    self.assertEqual(made, again)
                seen[type_.layout] += 1

        self.for_each(check_one, FILES)
        self.assertEqual(0, self.checker.end())
        self.assertGreater(min(seen.values()), FILES / 5, seen)

    def test_what_breaks_the_idl_is_refused_with_its_path(self):
        seen = set()

        def check_one(type_, description, chance):
            self.assertEqual(["loaded"], self.ask("type", description))
            _, message = Maker(chance).message(type_)
            for _ in range(4):
                broken, path = Breaker(chance).message(type_, message)
                answer = self.ask("json", json.dumps(broken))
                self.assertEqual("refused", answer[0], f"{path}: {broken}\n{answer}")
                where = path or f"a message of type {scoped(type_.name)}"
                self.assertTrue(answer[1].startswith(f"{where}: "), f"{where}: {answer[1]}\n{broken}")
                seen.add(answer[1].removeprefix(where)[:12])

        self.for_each(check_one, FILES)
        self.assertEqual(0, self.checker.end())
        self.assertGreater(len(seen), 10, seen)

    def test_bytes_that_nobody_meant_are_told_without_harm_and_what_is_valid_can_be_made_again(self):
        valid = others = 0

        def check_one(type_, description, chance):
            nonlocal valid, others
            self.assertEqual(["loaded"], self.ask("type", description))
            _, message = Maker(chance).message(type_)
            bytes_ = bytearray.fromhex(self.made(type_, message, False)[0])
            for _ in range(6):
                bytes_ = scratched(bytes_, chance)
                if chance.random() < 0.1:
                    del bytes_[chance.randrange(len(bytes_)):]
                answer = self.ask("bytes", bytes_.hex())
                if answer[0] == "refused" or not bytes_:
                    others += 1
                    break
                if answer[2] == "valid":
                    _, verdict, got = self.made(type_, read(answer[3]), False)
                    self.assertEqual("valid", verdict)
                    self.check_same(type_, read(answer[3]), got)
                    valid += 1
                else:
                    read(answer[3])
                    others += 1

        self.for_each(check_one, FILES)
        self.assertEqual(0, self.checker.end())
        self.assertGreater(min(valid, others), FILES, (valid, others))

    # --- With generated code -----------------------------------------------------------------------------------------

    @unittest.skipIf(COMPILER is None, "there is no compiler")
    def test_generated_code_makes_the_same_bytes_and_says_the_same_of_them(self):
        texts, count = [], max(6, FILES // 50)
        self.for_files(lambda text, _: texts.append(text), 4 * count, 12)
        texts = [re.sub(r"\bm0\b", f"root{index}", text) for index, text in enumerate(texts[-count:])]
        path = self.folder / "types.idl"
        path.write_text("\n".join(texts), encoding="utf-8")
        self.assertEqual((0, ""), batongen_here("--out", ".", "-Wno-all", "types.idl", cwd=self.folder))
        source, chance = Source(), random.Random(START)
        made, looks = [], []
        types, extents = messages_of(path)
        for type_, description in types:
            self.assertEqual(["loaded"], self.ask("type", description))
            number = source.type(type_)
            for _ in range(2):
                message, value = Maker(chance, strict=True).message(type_)
                bytes_, verdict, _ = self.made(type_, message, False)
                self.assertEqual("valid", verdict)
                if type_.is_table:
                    looks.append((number, bytes_, "opened", type_))
                    continue
                source.message(type_, value)
                made.append((type_, value, bytes_))
                for _ in range(8 if type_.layout == "fixed" else 0):
                    changed = scratched(bytes.fromhex(bytes_), chance)
                    looks.append((number, changed.hex(), self.ask("bytes", changed.hex())[2], type_))
        (self.folder / "main.cpp").write_text(source.text())
        program = self.folder / "program"
        compiled = subprocess.run([COMPILER, *FLAGS, "-I", str(self.folder), str(self.folder / "main.cpp"), LIBRARY, "-lfmt",
                                   f"-Wl,-rpath,{pathlib.Path(LIBRARY).parent}", "-o", str(program)], capture_output=True, text=True)
        self.assertEqual("", compiled.stderr[:4000])
        lines = subprocess.run([str(program)], input="".join(f"{number} {digits}\n" for number, digits, *_ in looks).encode(),
                               stdout=subprocess.PIPE, check=True).stdout.decode(errors="backslashreplace").split("\n")
        for (type_, value, bytes_), line in zip(made, lines):
            shown = scoped(type_.name)
            for begin, end in live(type_, value, extents):
                self.assertEqual(line[2 * begin:2 * end], bytes_[2 * begin:2 * end], f"{shown}: bytes {begin} to {end} of {value}")
        for (_, digits, said, type_), line in zip(looks, lines[len(made):]):
            self.assertEqual(line, said, f"{scoped(type_.name)}: {digits}")
        self.assertGreater(len(made), 3 * count)

    # --- Between processes -------------------------------------------------------------------------------------------

    def start(self, domain, *arguments):
        environment = {**os.environ, "BATON_DOMAIN": domain}
        environment.pop("BATON_CONFIG", None)
        process = subprocess.Popen([PROGRAM, *arguments], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, encoding="utf-8")
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        return process

    def test_messages_of_all_layouts_pass_from_process_to_process_as_they_are(self):
        topics, sent, expected = [], [], {}

        def check_one(type_, description, chance):
            topic = f"t{len(topics)}/{type_.layout}"
            self.assertEqual(["loaded"], self.ask("type", description))
            topics.append((topic, description))
            for _ in range(3):
                message, value = Maker(chance).message(type_)
                bytes_, _, _ = self.made(type_, message, True)
                sent.append((topic, json.dumps(message)))
                expected.setdefault(topic, []).append((type_, value, bytes_))

        self.for_each(check_one, max(30, FILES // 4))
        self.assertEqual({"fixed", "raw", "table"}, {topic.split("/")[1] for topic in expected})
        at_once = 60  # each topic takes descriptors
        for begin in range(0, len(topics), at_once):
            part = dict(topics[begin:begin + at_once])
            lines = [f"topic {topic} {description}" for topic, description in part.items()]
            lines += [f"json {topic} {text}" for topic, text in sent if topic in part]
            domain = f"properties-{uuid.uuid4().hex[:12]}"
            files_of_domain = pathlib.Path(f"/dev/shm/baton-{os.getuid()}/{domain}")
            self.addCleanup(shutil.rmtree, files_of_domain, ignore_errors=True)  # after processes that had to be killed
            taking = self.start(domain, "take", str(len(lines) - len(part)))
            self.assertEqual("taking\n", taking.stdout.readline())
            publishing = self.start(domain, "publish")
            self.assertEqual(("", None), publishing.communicate("\n".join(lines) + "\n", timeout=90))
            out, _ = taking.communicate(timeout=90)
            self.assertEqual((0, 0), (publishing.returncode, taking.returncode), out[-2000:])
            came = {}
            for line in out.rstrip("\n").split("\n"):
                topic, bytes_, text = line.split("\t")
                came.setdefault(topic, []).append((bytes_, text))
            self.assertEqual(set(part), set(came))
            for topic, messages in came.items():
                self.assertEqual([bytes_ for *_, bytes_ in expected[topic]], [bytes_ for bytes_, _ in messages], topic)
                for (type_, value, _), (_, text) in zip(expected[topic], messages):
                    self.check_same(type_, value, rounded(type_, read(text)))
            self.assertFalse(files_of_domain.exists(), "the domain is still there")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
