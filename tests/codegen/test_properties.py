"""What holds for every right file, tried with many that hypothesis makes up: batongen accepts it; sizes, offsets and padding are
those of the compiler; what --idl writes of it passes --portable, is read by other IDL tools where they are installed, lies in
memory as the original does, and has the fingerprints that it has when it is written again.

BATON_PROPERTIES: how many files, 100 without; then others each time.
"""

import contextlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from other_tools import HAS_IDLC, NO_FOX, fox, has_fox, idlc
from support import ROOT, batongen_here

FILES = int(os.environ.get("BATON_PROPERTIES", 100))
START = int(time.time()) if "BATON_PROPERTIES" in os.environ else 1
COMPILER = shutil.which(os.environ.get("CXX", "g++"))
FLAGS = ("-std=c++20", "-O0", "-w", f"-I{ROOT / 'core/include'}")

try:
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(tempfile.gettempdir(), "hypothesis"))
    import hypothesis
except ImportError:
    hypothesis = None

# What --idl writes otherwise: these types have other fingerprints then.
_LOWERED = re.compile(r"^bitmask |^enum \S+ int(8|16)$|^  \S+ = -|sequence<sequence|sequence<[^ ]*\]|>\[|\(tag\) char", re.MULTILINE)


def described(path):
    """The types of a file by name: their extents and canonical texts."""
    from batongen import check, layout, parser, resolve
    from batongen.canonical import Descriptions
    from batongen.cli import Run
    from batongen.model import NamedPart, scoped
    run = Run([path], [], path.parent, None, True)
    model = resolve.resolve(parser.parse_all(run), run)
    extents = layout.lay_out(model)
    check.check(model, extents, run)
    assert not run.diagnostics.error_count, path.read_text()
    descriptions = Descriptions(extents)
    return {scoped(item.name): (item, extents.of(item), descriptions.text(item))
            for item in model.files[-1].items if isinstance(item, NamedPart)}


def written(name, cwd):
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        code, stderr = batongen_here("-Wno-all", "--idl", name, name, cwd=cwd)
    assert (code, stderr) == (0, ""), stderr
    return stdout.getvalue()


def drawn(path, type_name):
    """What --explain draws of a type: its size and alignment, and the offset, size and name of each member."""
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        code, _ = batongen_here("-Wno-all", "--explain", type_name, path.name, cwd=path.parent)
    assert code == 0
    head, _, *lines = stdout.getvalue().splitlines()
    size, align = re.search(r": (\d+) bytes?, aligned to (\d+)", head).groups()
    found = [re.match(r" *(\d+) +(\d+)  (\S.*)$", line) for line in lines]
    members = [(int(m[1]), int(m[2]), re.sub(r"  (@key|case .*)$", "", m[3]).split(" ")[-1]) for m in found if m]
    return int(size), int(align), [m for m in members if m[2] not in ("(padding)", "(tag)")]


@unittest.skipIf(hypothesis is None, "hypothesis is not installed (apt-get install python3-hypothesis)")
class Properties(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")
        return self.folder / name

    def for_each(self, strategy, check, count):
        settings = hypothesis.settings(max_examples=count, deadline=None, database=None,
                                       phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
                                       suppress_health_check=list(hypothesis.HealthCheck))
        hypothesis.seed(START)(settings(hypothesis.given(strategy)(check)))()

    def made_up(self, count):
        """So many files, each with a module of its own; not the first ones, which are small."""
        from valid_grammar import files
        texts = []
        self.for_each(files(most=12), lambda text: texts.append(text), 4 * count)
        return [re.sub(r"\bm0\b", f"root{index}", text) for index, text in enumerate(texts[-count:])]

    # --- Other tools, and batongen again -----------------------------------------------------------------------------

    def test_what_idl_writes_is_portable_and_lies_in_memory_as_before(self):
        from valid_grammar import files
        same = others = 0
        texts = {}

        def check(text):
            nonlocal same, others
            before = described(self.write("x.idl", text))
            portable = written("x.idl", self.folder)
            after = described(self.write("y.idl", portable))
            self.assertEqual((0, ""), batongen_here("--check", "--portable", "-Wno-all", "y.idl", cwd=self.folder))
            for name, (_, extent, description) in before.items():
                if name not in after:
                    continue  # an integer by now, or renamed
                _, extent_after, description_after = after[name]
                self.assertEqual(extent, extent_after, f"{name} of\n{text}\n{portable}")
                if description == description_after:
                    same += 1
                else:
                    renamed = re.search(r"\w_\b", portable)
                    self.assertTrue(_LOWERED.search(description) or renamed or "(tag)" in description, description)
                    others += 1
            again = described(self.write("z.idl", written("y.idl", self.folder)))
            self.assertEqual({name: description for name, (*_, description) in after.items()},
                             {name: description for name, (*_, description) in again.items()})
            if HAS_IDLC:
                self.assertEqual("", idlc("y.idl", self.folder), portable)
            texts[f"w{len(texts)}.idl"] = portable

        self.for_each(files(), check, FILES)
        self.assertGreater(same, others / 2)
        if has_fox():
            for name, text in texts.items():
                self.write(name, text)
            refused = {texts[name]: read["error"] for name, read in fox(texts, self.folder).items() if "error" in read}
            self.assertEqual({}, refused)

    @unittest.skipUnless(has_fox(), NO_FOX)
    def test_files_that_pass_portable_are_read_by_both_tools_as_they_are(self):
        from valid_grammar import files
        passed = {}

        def check(text):
            self.write("x.idl", text)
            code, _ = batongen_here("--check", "--portable", "-Wno-all", "x.idl", cwd=self.folder)
            if code == 0:
                if HAS_IDLC:
                    self.assertEqual("", idlc("x.idl", self.folder), text)
                passed[f"p{len(passed)}.idl"] = text

        self.for_each(files(most=2), check, FILES)
        self.assertGreater(len(passed), FILES / 50)
        for name, text in passed.items():
            self.write(name, text)
        self.assertEqual({}, {passed[name]: read["error"] for name, read in fox(passed, self.folder).items() if "error" in read})

    # --- The compiler ------------------------------------------------------------------------------------------------

    @unittest.skipIf(COMPILER is None, "there is no compiler")
    def test_the_compiler_comes_to_the_same_sizes_and_offsets(self):
        """The generated header checks itself; the program tells what the compiler has, and --explain what batongen has."""
        from batongen import cpp
        from batongen.model import Struct, Union
        path = self.write("types.idl", "\n".join(self.made_up(max(5, FILES // 5))))
        code, stderr = batongen_here("--out", ".", "-Wno-all", "types.idl", cwd=self.folder)
        self.assertEqual((0, ""), (code, stderr))
        prints, expected, tables = ["  int tables = 0;"], [], 0
        for name, (item, *_) in described(path).items():
            if not isinstance(item, (Struct, Union)):
                continue
            type_ = "::" + cpp.scoped_identifier(item.name)
            if isinstance(item, Struct) and item.is_table:  # flatc lays it out; its code has to compile
                prints.append(f"  tables += baton::TypeTraits<{type_}>::open(nullptr, 0, 0) == nullptr;")
                tables += 1
                continue
            size, align, members = drawn(path, name)
            prints.append(f'  std::printf("%s %zu %zu\\n", "{name}", sizeof({type_}), alignof({type_}));')
            expected.append(f"{name} {size} {align}")
            prints.append(f"  {{ {type_} value{{}};")
            for member, (offset, bytes_, called) in zip(item.members, members):
                self.assertEqual(member.name, called)
                place = (f"value.{cpp.member_identifier(item, called)}" if isinstance(item, Struct)
                         else f"value.set_{cpp.case_identifier(item, called)}()")
                prints.append(f'    {{ auto& member = {place}; std::printf("  %s %td %zu\\n", "{called}", '
                              "reinterpret_cast<const char*>(&member) - reinterpret_cast<const char*>(&value), sizeof(member)); }")
                expected.append(f"  {called} {offset} {bytes_}")
            prints.append("  }")
        prints.append('  std::printf("%d tables\\n", tables);')
        expected.append(f"{tables} tables")
        self.assertGreater(tables, FILES / 20)
        source = self.write("main.cpp", '#include <cstdio>\n#include "types.hpp"\nint main() {\n' + "\n".join(prints) + "\n}\n")
        program = self.folder / "program"
        made = subprocess.run([COMPILER, *FLAGS, "-I", str(self.folder), str(source), "-DFMT_HEADER_ONLY", "-o", str(program)],
                              capture_output=True, text=True)
        self.assertEqual("", made.stderr[:4000])
        self.assertEqual(expected, subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout.splitlines())
        self.assertGreater(len(expected), FILES)


if __name__ == "__main__":
    unittest.main()
