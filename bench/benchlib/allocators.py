"""The allocators under comparison, where they are, and what versions they have."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")

# name: (file names, the first that exists is taken; Debian package)
PACKAGED = {
    "jemalloc": (("libjemalloc.so.2",), "libjemalloc2"),
    "mimalloc": (("libmimalloc.so.2", "libmimalloc.so.2.0"), "libmimalloc2.0"),
    "tcmalloc": (("libtcmalloc_minimal.so.4",), "libtcmalloc-minimal4"),
}
STANDARD = ("heaptag", *PACKAGED, "glibc")
# Ourselves without accounting: what the accounting costs. Asked for by name.
BARE = "bare"
# Ourselves with checks: what they cost. Asked for by name.
CHECKING = {
    "kmem": {"HEAPTAG_KMEM_DEBUG": "1"},
    "check": {"HEAPTAG_CHECK": "basic"},
    "guard": {"HEAPTAG_GUARD": "1/5000"},
}
NAMES = (*STANDARD, BARE, *CHECKING)


@dataclass
class Allocator:
    name: str
    library: Path | None  # None: no preload at all
    version: str
    env: dict = field(default_factory=dict)


class Missing(Exception):
    """An allocator is not there; the text says what to do about it."""


def output_of(*command):
    """The command's output, or "" if there is no such command or it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def package_version(package):
    return output_of("dpkg-query", "-W", "-f", "${Version}", package) or "version unknown"


def commit_of(project):
    commit = output_of("git", "-C", str(project), "rev-parse", "--short", "HEAD")
    if not commit:
        return "not committed"
    changed = output_of("git", "-C", str(project), "status", "--porcelain")
    return f"{commit} with local changes" if changed else commit


def find(name, build, project):
    if name == "glibc":
        return Allocator(name, None, package_version("libc6"))
    if name == "heaptag" or name in CHECKING:
        library = build / "libheaptag.so"
        if not library.exists():
            raise Missing(f"{name}: no libheaptag.so in {build}; build it, or name --build DIR")
        settings = CHECKING.get(name, {})
        version = " ".join(f"{key}={value}" for key, value in settings.items())
        return Allocator(name, library.resolve(), version or commit_of(project), settings)
    if name == BARE:
        folder = build / BARE
        if not (folder / "libheaptag.so").exists():
            raise Missing(
                f"{BARE}: no libheaptag.so in {folder}; cmake -S {project} -B {folder} "
                f"-DHEAPTAG_ACCOUNTING=OFF && cmake --build {folder} --target heaptag"
            )
        return Allocator(name, (folder / "libheaptag.so").resolve(), "without accounting")
    files, package = PACKAGED[name]
    for file in files:
        if (LIBRARIES / file).exists():
            return Allocator(name, (LIBRARIES / file).resolve(), package_version(package))
    raise Missing(f"{name}: no {files[0]} in {LIBRARIES}; apt-get install {package}")


def variant(text):
    """NAME=PATH[,VARIABLE=VALUE…], as --lib has it."""
    name, _, rest = text.partition("=")
    path, *settings = rest.split(",")
    if not name or not path or not all("=" in setting for setting in settings):
        raise ValueError(f"--lib {text}: not NAME=PATH[,VARIABLE=VALUE...]")
    library = Path(path).resolve()
    if not library.exists():
        raise Missing(f"{name}: {path} does not exist")
    version = " ".join([library.name, *settings])
    return Allocator(name, library, version, dict(s.split("=", 1) for s in settings))
