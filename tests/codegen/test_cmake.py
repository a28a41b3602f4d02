"""baton_generate in a user's project: headers before their users, nothing done twice, every input watched."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from support import ROOT

PROJECT = pathlib.Path(__file__).resolve().parent / "cmake_project"


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=300)


class BatonGenerate(unittest.TestCase):
    def project(self, folder):
        shutil.copytree(PROJECT, folder / "project")
        return folder / "project"

    def configure(self, source, build, *arguments):
        return run("cmake", "-S", source, "-B", build, f"-DBATON_ROOT={ROOT}", *arguments)

    def check_with(self, generator):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            project, build = self.project(folder), folder / "build"
            result = self.configure(project, build, "-G", generator)
            self.assertEqual(0, result.returncode, result.stderr)
            self.assertNotIn("CMake Warning", result.stderr)
            result = run("cmake", "--build", build, "-j2")
            self.assertEqual(0, result.returncode, result.stdout + result.stderr)
            self.assertEqual("{stamp_ns: 3, accel: [0, 0, 0]} {a: 0}\n", run(build / "program").stdout)

            self.assertNotIn("batongen:", run("cmake", "--build", build).stdout, "nothing changed, and yet it ran")

            plain = build / "more_messages_generated/plain.hpp"
            imu = build / "messages_generated/sensors/imu.hpp"
            before = plain.stat().st_mtime_ns
            vector = project / "idl/sensors/vector.idl"  # included by imu.idl
            vector.write_text(vector.read_text().replace("[3]", "[4]"))
            os.utime(vector, (2e9, 2e9))
            result = run("cmake", "--build", build)
            self.assertEqual(0, result.returncode, result.stdout + result.stderr)
            self.assertIn("double[4]", imu.read_text())
            self.assertEqual("{stamp_ns: 3, accel: [0, 0, 0, 0]} {a: 0}\n", run(build / "program").stdout)
            self.assertEqual(before, plain.stat().st_mtime_ns)

    def test_with_ninja(self):
        if not shutil.which("ninja"):
            self.skipTest("ninja is not installed")
        self.check_with("Ninja")

    def test_with_makefiles(self):
        self.check_with("Unix Makefiles")

    def test_a_wrong_call_is_refused_with_the_remedy(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            project, build = self.project(folder), folder / "build"
            for arguments, *words in (
                    ("IDL plain.idl BASE_DIR idl", "is not under", "give a BASE_DIR"),
                    ("plain.idl", "write IDL before the files: baton_generate(wrong IDL plain.idl)"),
                    ("plain.idl idl/sensors/imu.idl", "baton_generate(wrong IDL plain.idl idl/sensors/imu.idl)"),
                    ("plain.idl BASE_DIR idl", "write IDL before the files"),
                    ("FILES plain", "unknown arguments: FILES;plain"),
                    ("BASE_DIR idl", "name the files"),
                    ("IDL plain.idl BASE_DIR nowhere", "the folder", "project/nowhere", "does not exist"),
                    ("IDL nowhere.idl", "there is no file"),
                    ("IDL idl", "project/idl is a folder; name the IDL files in it")):
                with self.subTest(arguments=arguments):
                    result = self.configure(project, build, f"-DWRONG={arguments}")
                    self.assertNotEqual(0, result.returncode)
                    message = " ".join(result.stderr.split())
                    for word in words:
                        self.assertIn(word, message)

    def test_a_python_without_jinja2_is_refused_with_the_remedy(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            result = self.configure(self.project(folder), folder / "build", "-DBATON_PYTHON=/bin/false")
            self.assertNotEqual(0, result.returncode)
            message = " ".join(result.stderr.split())
            self.assertIn("tried: /bin/false", message)
            self.assertIn("apt-get install python3-jinja2", message)

    def test_an_idl_error_fails_the_build_and_is_shown(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            project = self.project(folder)
            (project / "plain.idl").write_text("struct Plain { Foo a; };\n")
            self.configure(project, folder / "build")
            result = run("cmake", "--build", folder / "build")
            self.assertNotEqual(0, result.returncode)
            self.assertIn("plain.idl:1:16: error: there is no type 'Foo'", result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
