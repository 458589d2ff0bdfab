"""A program run in gdb, to where a panic has stopped it."""
import re
import subprocess

from runner import base_environment, tool_or_skip

COMMANDS = ["set startup-with-shell off", "set debuginfod enabled off"]
QUESTIONS = ["run", "output/x *(unsigned long (*)[3])&kmem_corrupt_data", "echo \\n",
             "info symbol ((unsigned long*)&kmem_corrupt_data)[2]"]


def corrupt_data_in_gdb(argv, settings):
    """What gdb has said, and the address and the size that kmem_corrupt_data has."""
    words = [tool_or_skip("gdb"), "-nx", "-batch"]
    variables = [f"set environment {name} {value}" for name, value in settings.items()]
    for command in COMMANDS + variables + QUESTIONS:
        words += ["-ex", command]
    done = subprocess.run([*words, "--args", *argv], env=base_environment(), capture_output=True,
                          text=True, timeout=60, check=False)
    assert "SIGABRT" in done.stdout, done.stdout + done.stderr
    address, size, _ = re.search(r"\{(0x\w+), (0x\w+), (0x\w+)\}", done.stdout).groups()
    return done.stdout, int(address, 16), int(size, 16)
