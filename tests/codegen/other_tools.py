"""The IDL tools that batongen's files are tried with, where they are installed: Cyclone DDS's idlc, and Foxglove's omgidl-parser
(npm install @foxglove/omgidl-parser, found by way of NODE_PATH)."""

import functools
import json
import shutil
import subprocess

from support import ROOT

_FOX = """
const {parseIDL} = require("@foxglove/omgidl-parser"), fs = require("fs");
const read = {};
for (const file of JSON.parse(fs.readFileSync(0))) {
  try { read[file] = {types: parseIDL(fs.readFileSync(file, "utf8"))}; }
  catch (error) { read[file] = {error: String(error.message).slice(0, 300)}; }
}
console.log(JSON.stringify(read));
"""

HAS_IDLC = shutil.which("idlc") is not None
NO_IDLC = "idlc (cyclonedds-tools) is not installed"
NO_FOX = "omgidl-parser is not installed: npm install @foxglove/omgidl-parser, and set NODE_PATH"


@functools.cache
def has_fox():
    return shutil.which("node") is not None and subprocess.run(
        ["node", "-e", 'require("@foxglove/omgidl-parser")'], capture_output=True).returncode == 0


def idlc(name, cwd):
    """What idlc says against a file, or nothing."""
    result = subprocess.run(["idlc", "-l", "c", "-Wno-unsupported-annotations", "-I", str(ROOT / "idl"), name], cwd=cwd,
                            capture_output=True, text=True, timeout=60)
    return "" if result.returncode == 0 else result.stdout + result.stderr or f"exit code {result.returncode}"


def fox(names, cwd):
    """For each file what omgidl-parser makes of it: {"types": ...} or {"error": ...}."""
    return json.loads(subprocess.run(["node", "-e", _FOX], cwd=cwd, input=json.dumps(list(names)), capture_output=True,
                                     text=True, check=True).stdout)
