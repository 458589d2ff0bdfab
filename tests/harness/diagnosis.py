"""What `heaptag doctor` prints, taken apart, and how to call it."""
import os
import re
import shutil
import subprocess

import pytest

from runner import COMMAND, base_environment, run

SOMEBODY = 65534
MAIN = "int main(void) { return 0; }\n"


class Diagnosis:
    def __init__(self, done):
        assert done.status in (0, 1, 2) and not done.stderr, (done.status, done.stderr)
        self.status, self.text = done.status, done.stdout
        self.verdict, *lines = done.stdout.splitlines()
        self.rows, self.commands = [], {}
        for line in lines:
            assert "\x1b" not in line
            if row := re.match(r"  (ok  |warn|FAIL)  (\S+) +(.*)", line):
                self.rows.append([row[1].strip(), row[2], row[3]])
            elif command := re.match(r"  ([a-z ]+): +(.*)", line):
                self.commands[command[1]] = command[2]
            else:
                assert re.match(r" {8}", line), line
                self.rows[-1][2] += " " + line.strip()
        assert (self.status != 0) == ("FAIL" in self.grades()), self.text
        warnings = self.grades().count("warn")
        if match := re.search(r"(\d+) warnings?$", self.verdict):
            assert int(match[1]) == warnings

    def grades(self):
        return [row[0] for row in self.rows]

    def row(self, topic):
        """(grade, text) of the only row with this topic."""
        (found,) = [row for row in self.rows if row[1] == topic]
        return found[0], found[2]

    def has(self, topic):
        return any(row[1] == topic for row in self.rows)


def doctor(*arguments, user=None, **options):
    """By a PATH in which heaptag is, so that its commands have the bare name."""
    words = [COMMAND, "doctor", *arguments]
    path = f"{COMMAND.parent}:{base_environment()['PATH']}"
    options["env"] = {"PATH": path, **(options.get("env") or {})}
    if user is not None:
        words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *words]
    return run(words, preload=False, **options)


def diagnose(*arguments, **options):
    return Diagnosis(doctor(*arguments, **options))


def a_copy(source, path, mode=0o755):
    shutil.copyfile(source, path)
    path.chmod(mode)
    return path


def needs_root():
    if os.geteuid() != 0:
        pytest.skip("makes files of other users: root only")


def open_to_all(folder):
    """pytest's folders are closed to others: a user of the name of nobody has to reach the file."""
    while folder.stat().st_uid == os.geteuid() and folder != folder.parent:
        folder.chmod(folder.stat().st_mode | 0o055)
        folder = folder.parent


def build(folder, name, text, *flags):
    source = folder / f"{name}.c"
    source.write_text(text)
    subprocess.run(["gcc", source, "-o", folder / name, *flags], check=True)
    return folder / name
