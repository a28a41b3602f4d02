"""Binary descriptions are what FlatBuffers' own compiler reads by the schema, and say what the IDL says."""

import json
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

from support import ROOT, batongen

SCHEMA = ROOT / "core/description/description.fbs"
IDL = """
enum Level { low, @default_literal high };
bitmask Access { read, @position(5) write };
union Value switch (int16) {
  case 3: case -2: @unit("m") double length;
  default: string<5> text;
};
/// What is said of it.
@topic(name="a/b")
struct Said {
  @key @default(-7) @range(min=-9, max=300) int64 number;   ///< how many
  @max(0.5) float ratios[2][3];
  @optional Level level;
  @default("x\\377") string<4> text;
  sequence<Value, 2> values;
  @default(TRUE) boolean flag;
  Access access;
};
struct Whole { Said said; };
@baton(layout="raw", max_size=4096) struct Points { uint32 count; sequence<Said> points; };
"""


def descriptions(header):
    """The words of each constant, as bytes, by the name of the type."""
    found = {}
    for words, name in re.findall(r"kDescription\[\] = \{[^\n]*\n(.*?)\};.*?\.name = \"([^\"]+)\"", header, re.DOTALL):
        numbers = [int(word, 0) for word in re.findall(r"\w+", words)]
        found[name] = struct.pack(f"<{len(numbers)}Q", *numbers)
    return found


@unittest.skipUnless(shutil.which("flatc"), "flatc is not installed")
class Description(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "x.idl").write_text(IDL)
            result = batongen("--out", "out", "x.idl", cwd=folder)
            assert result.returncode == 0, result.stderr
            cls.bytes = descriptions((folder / "out/x.hpp").read_text())
            cls.read = {}
            for name, data in cls.bytes.items():
                (folder / f"{name}.bin").write_bytes(data)
                subprocess.run(["flatc", "--json", "--strict-json", "--allow-non-utf8", "--raw-binary", SCHEMA, "--",
                                f"{name}.bin"], cwd=folder, check=True, capture_output=True)
                cls.read[name] = json.loads((folder / f"{name}.json").read_text().replace("\\x", "\\\\x"))

    def member(self, name, of="Said", root="Said"):
        type_, = (type_ for type_ in self.read[root]["types"] if type_["name"] == of)
        found, = (member for member in type_["members"] if member["name"] == name)
        return found

    def test_every_struct_has_one_and_nothing_else_has(self):
        self.assertEqual(["Points", "Said", "Whole"], sorted(self.bytes))

    def test_a_type_comes_after_what_it_is_made_of_and_is_the_same_in_each(self):
        types = {root: [type_["name"] for type_ in read["types"]] for root, read in self.read.items()}
        self.assertEqual(["Level", "Value", "Access", "Said"], types["Said"])
        self.assertEqual([*types["Said"], "Whole"], types["Whole"])
        self.assertEqual(self.read["Said"]["types"], self.read["Whole"]["types"][:-1])

    def test_members_have_what_their_annotations_say(self):
        number = self.member("number")
        self.assertTrue(number["key"])
        self.assertEqual("how many", number["doc"])
        self.assertEqual([(1 << 64) - 7, (1 << 64) - 9, 300],
                         [number[key]["bits"] for key in ("default_value", "low", "high")])
        half, = struct.unpack("<Q", struct.pack("<d", 0.5))
        self.assertEqual(({"bits": half}, None), (self.member("ratios")["high"], self.member("ratios").get("low")))
        self.assertEqual(1, self.member("flag")["default_value"]["bits"])
        self.assertEqual("x\\xFF", self.member("text")["default_value"]["text"])
        self.assertEqual([0, 1, 2], [self.member(name).get("id", 0) for name in ("number", "ratios", "level")])

    def test_shapes_are_those_of_the_idl(self):
        self.assertEqual({"form": "array", "extents": [2, 3], "element": {"form": "float32"}}, self.member("ratios")["shape"])
        self.assertEqual({"form": "optional", "element": {"form": "named", "type": "Level"}}, self.member("level")["shape"])
        self.assertEqual({"form": "sequence", "bound": 2, "element": {"form": "named", "type": "Value"}},
                         self.member("values")["shape"])

    def test_unions_enums_and_raw_structs_have_what_is_theirs(self):
        types = {type_["name"]: type_ for type_ in self.read["Points"]["types"]}
        length = self.member("length", of="Value")
        self.assertEqual(([-2, 3], 3, "m"), (length["labels"], length["tag"], length["unit"]))
        self.assertTrue(self.member("text", of="Value")["is_default"])
        self.assertEqual(1, types["Level"]["initial"])
        self.assertEqual([0, 5], [flag.get("value", 0) for flag in types["Access"]["enumerators"]])
        self.assertEqual(("raw", 64, 4096), tuple(types["Points"][key] for key in ("layout", "elements_offset", "max_bytes")))
        self.assertEqual(("a/b", "What is said of it."), (types["Said"]["topic"], types["Said"]["doc"]))

    def test_it_is_a_multiple_of_8_bytes(self):
        for name, data in self.bytes.items():
            self.assertEqual(0, len(data) % 8, name)


if __name__ == "__main__":
    unittest.main()
