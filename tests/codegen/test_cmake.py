"""baton_generate in a user's project: headers before their users, nothing done twice, every input watched."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from support import CODEGEN, ROOT, batongen, files_under

PROJECT = pathlib.Path(__file__).resolve().parent / "cmake_project"
TARGETS = ["messages", "more_messages", "robot"]


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=300)


class BatonGenerate(unittest.TestCase):
    def project(self, folder):
        shutil.copytree(PROJECT, folder / "project")
        return folder / "project"

    def configure(self, source, build, *arguments):
        return run("cmake", "-S", source, "-B", build, f"-DBATON_ROOT={ROOT}", *arguments)

    def build(self, build, *arguments):
        """Builds, and gives what was done: the targets that batongen ran for, and whether anything else was made."""
        result = run("cmake", "--build", build, "-j2", *arguments)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        ran = sorted(re.findall(r"batongen: (\w+)", result.stdout))
        made = re.search(r"Building|Linking|Generating", result.stdout) is not None
        return ran, made, result.stdout

    def check_with(self, generator):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            project, build, codegen = self.project(folder), folder / "build", folder / "codegen"
            shutil.copytree(CODEGEN, codegen, ignore=shutil.ignore_patterns("__pycache__"))
            result = self.configure(project, build, "-G", generator, f"-DBATON_CODEGEN_DIR={codegen}")
            self.assertEqual(0, result.returncode, result.stderr)
            self.assertNotIn("CMake Warning", result.stderr)
            ran, *_ = self.build(build)
            self.assertEqual(TARGETS, ran, "one process for each target")
            self.assertEqual("{stamp_ns: 3, accel: [0, 0, 0]} {a: 0}\n", run(build / "program").stdout)

            ran, made, output = self.build(build)
            self.assertEqual(([], False), (ran, made), "nothing changed, and yet something ran")
            if generator == "Ninja":
                self.assertIn("ninja: no work to do.", output)

            # An included file: its users are made anew, other headers are not even touched.
            plain = build / "more_messages_generated/plain.hpp"
            imu = build / "messages_generated/sensors/imu.hpp"
            before = plain.stat().st_mtime_ns
            vector = project / "idl/sensors/vector.idl"
            vector.write_text(vector.read_text().replace("[3]", "[4]"))
            ran, made, _ = self.build(build)
            self.assertEqual((["messages", "robot"], True), (ran, made))
            self.assertIn("double[4]", imu.read_text())
            self.assertEqual("{stamp_ns: 3, accel: [0, 0, 0, 0]} {a: 0}\n", run(build / "program").stdout)
            self.assertEqual(before, plain.stat().st_mtime_ns)

            # The generator itself: it runs, and as its headers stay what they are, nothing is compiled.
            for file in ("templates/header.hpp.j2", "lexer.py"):
                time.sleep(0.05)  # the kernel's clock for files stands still for some milliseconds
                os.utime(codegen / "batongen" / file)
                ran, made, _ = self.build(build)
                self.assertEqual((TARGETS, False), (ran, made), file)
            self.assertEqual(([], False), self.build(build)[:2])

            result = run("cmake", "--install", build, "--prefix", folder / "prefix")
            self.assertEqual(0, result.returncode, result.stderr)
            self.assertEqual(["plain.hpp", "robot.hpp", "sensors/imu.hpp", "sensors/vector.hpp"],
                             sorted(files_under(folder / "prefix/include", ".hpp")))

    def test_with_ninja(self):
        if not shutil.which("ninja"):
            self.skipTest("ninja is not installed")
        self.check_with("Ninja")

    def test_with_makefiles(self):
        self.check_with("Unix Makefiles")

    def test_the_additional_headers_of_tables_are_installed_too(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            project, build = self.project(folder), folder / "build"
            robot, plain = project / "robot/robot.idl", project / "plain.idl"
            table = '@baton(layout = "table") struct Note { string text; };\n'
            robot.write_text(robot.read_text() + table)
            (project / "CMakeLists.txt").write_text((project / "CMakeLists.txt").read_text().replace(
                "add_executable(program main.cpp)\ntarget_link_libraries(program PRIVATE robot more_messages)",
                "add_custom_target(all_of_it ALL DEPENDS robot_batongen messages_batongen more_messages_batongen)"))

            def installed():
                result = run("cmake", "--install", build, "--prefix", folder / "prefix")
                self.assertEqual(0, result.returncode, result.stderr)
                return [name for name in files_under(folder / "prefix/include", ".hpp") if ".fb." in name]

            self.configure(project, build)
            self.build(build)
            self.assertEqual(["robot.fb.hpp"], installed())
            self.assertNotIn("Configuring", self.build(build)[2], "the guess was right")

            # A file gets its first table: CMake finds out when it is built.
            plain.write_text(plain.read_text() + table.replace("Note", "Second"))
            self.build(build)
            self.assertIn("Configuring", self.build(build)[2])
            self.assertEqual(["plain.fb.hpp", "robot.fb.hpp"], installed())
            self.assertNotIn("Configuring", self.build(build)[2])

            shutil.rmtree(folder / "prefix")
            plain.write_text("struct Plain { int32 a; };\n")
            self.build(build)
            self.build(build)
            self.assertEqual(["robot.fb.hpp"], installed())
            self.assertEqual([], list((build / "more_messages_generated").glob("*.f*")), "what is left of the table")

    def test_a_flatc_that_is_not_there_is_told_where_a_table_needs_it(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            project, build = self.project(folder), folder / "build"
            plain = project / "plain.idl"
            plain.write_text(plain.read_text() + '@baton(layout="table") struct Note { string text; };\n')
            self.configure(project, build, "-DBATON_FLATC=/nonexistent/flatc")
            result = run("cmake", "--build", build, "--target", "more_messages_batongen")
            self.assertNotEqual(0, result.returncode)
            self.assertRegex(result.stdout + result.stderr, r"plain\.idl:2:31: error: cannot run '/nonexistent/flatc'.*\[flatc\]")
            self.assertEqual(0, run("cmake", "--build", build, "--target", "robot_batongen").returncode)

    def test_in_a_cross_build_the_generator_runs_on_this_machine(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            project, build, sysroot = self.project(folder), folder / "build", folder / "sysroot"
            (sysroot / "usr/bin").mkdir(parents=True)
            python = sysroot / "usr/bin/python3"  # the other machine's; it would even run here, as under an emulator
            python.write_text(f"#!/bin/sh\nexec {sys.executable} \"$@\"\n")
            python.chmod(0o755)
            (folder / "toolchain.cmake").write_text(
                "set(CMAKE_SYSTEM_NAME Linux)\nset(CMAKE_SYSTEM_PROCESSOR aarch64)\n"
                f"set(CMAKE_FIND_ROOT_PATH \"{sysroot}\")\nset(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM BOTH)\n")
            result = self.configure(project, build, "-G", "Unix Makefiles", f"-DCMAKE_TOOLCHAIN_FILE={folder}/toolchain.cmake")
            self.assertEqual(0, result.returncode, result.stderr)
            cache = (build / "CMakeCache.txt").read_text()
            self.assertNotIn(str(sysroot), re.search("^BATON_PYTHON:.*$", cache, re.MULTILINE).group())
            self.assertIn("crossing: TRUE", result.stdout)
            ran, *_ = self.build(build, "--target", "robot_batongen", "messages_batongen")
            self.assertEqual(["messages", "robot"], ran)
            self.assertTrue((build / "robot_generated/robot.hpp").exists())

    def test_options_reach_batongen(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            project, build = self.project(folder), folder / "build"
            (project / "plain.idl").write_text("#pragma pack(1)\n#ifdef WIDE\nstruct Plain { long long a; };\n#endif\n")
            for options, code in (("-D WIDE", 0), ("-D WIDE -Werror", 1), ("-D WIDE -Werror -Wno-unknown-pragma", 0)):
                self.configure(project, build, f"-DWRONG=IDL plain.idl OPTIONS {options}")
                result = run("cmake", "--build", build, "--target", "wrong_batongen")
                self.assertEqual(code, min(1, result.returncode), result.stdout + result.stderr)
            self.assertIn("std::int64_t a", (build / "wrong_generated/plain.hpp").read_text())

    def test_the_header_of_a_file_that_is_gone_goes_too(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name in ("a.idl", "b.idl"):
                (folder / name).write_text("struct %s { long x; };\n" % name[0].upper())
            (folder / "out").mkdir()
            (folder / "out/other.hpp").write_text("not ours")
            for files in (["a.idl", "b.idl"], ["a.idl"]):
                batongen("--out", "out", "--stamp", "stamp", *files, cwd=folder)
                self.assertEqual([*(f.replace("idl", "hpp") for f in files), "other.hpp"], list(files_under(folder / "out", "")))

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
