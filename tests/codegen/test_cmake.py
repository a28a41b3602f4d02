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

    def test_a_file_outside_the_base_directory_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            result = self.configure(self.project(folder), folder / "build", "-DOUTSIDE=ON")
            self.assertNotEqual(0, result.returncode)
            message = " ".join(result.stderr.split())
            self.assertIn("is not under", message)
            self.assertIn("give a BASE_DIR", message)

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
