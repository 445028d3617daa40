"""Runs commands on one core and says what they cost; knows the machine. Standard library only.

This process stays small on purpose: on Linux a child's peak memory is never reported below its parent's at the start.
"""

import json
import os
import platform
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ONE_THREAD = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"]
PACKAGES = ["numpy", "scipy", "pandas", "numba", "llvmlite", "polars", "pyarrow"]

# glibc gives freed arrays of this size back to the kernel and asks for them again, which costs pandas a third of its
# time. The peers judge with that switched off; ours, and every whole command, runs as its user would run it.
KEEP_MEMORY = {f"MALLOC_{name}_": str(2**30) for name in ("TRIM_THRESHOLD", "MMAP_THRESHOLD")} | {"MALLOC_TOP_PAD_": str(2**26)}


class Failed(Exception):
    """A command that should have been measured did not end well."""


@dataclass
class Run:
    """What a whole process cost: seconds on the processor (user and system), bytes at its peak, what it printed."""

    cpu: float
    peak: int
    output: str

    def line(self):
        """The JSON object it printed last."""
        lines = [line for line in self.output.splitlines() if line.startswith("{")]
        if not lines:
            raise Failed(f"no line of JSON in the output: {self.output[-300:]!r}")
        return json.loads(lines[-1])


def run(command, core, directory=None, variables=None):
    """Runs `command` on `core` alone, every library with one thread, and waits for it."""
    argv = ["taskset", "-c", str(core), *map(str, command)]
    environment = os.environ | dict.fromkeys(ONE_THREAD, "1") | (variables or {})
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(argv, stdout=out, stderr=errors, stdin=subprocess.DEVNULL, env=environment, cwd=directory)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), errors.seek(0)
        if child.returncode != 0:
            said = errors.read().decode(errors="replace")[-800:]
            raise Failed(f"{' '.join(argv)}: exit {child.returncode}: {said}")
        return Run(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, out.read(1 << 20).decode(errors="replace"))


def rounds(count, jobs, say):
    """Calls each of `jobs` (name → function) once a round, one after the other; name → list of what they gave."""
    given = {name: [] for name in jobs}
    for number in range(count):
        for name, job in jobs.items():
            say(f"round {number + 1} of {count}: {name}")
            given[name].append(job())
    return given


@dataclass
class Spread:
    """The median of repeated measurements, with the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values):
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, scale=1.0, digits=2):
        """`1.23 (1.10–1.31)`, multiplied by `scale`."""
        middle, low, high = (f"{value * scale:,.{digits}f}" for value in (self.median, self.least, self.most))
        return middle if low == high else f"{middle} ({low}–{high})"


def machine():
    """The processor, cores, memory and load of this machine."""
    model = next((x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = " ".join(f"{x:.2f}" for x in os.getloadavg())
    return {"processor": model, "cores": os.cpu_count(), "memory_gib": round(memory, 1), "kernel": platform.release(), "load": load}


def versions(repository, binary):
    """Of Python, its packages, the compiler and the program; what cannot be asked is left out."""
    found = {"python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES}
    asked = {"rustc": ["rustc", "--version"], "commit": ["git", "rev-parse", "--short", "HEAD"]}
    asked |= {"quietgate": [binary, "--version"]} if binary else {}
    for name, command in asked.items():
        answer = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            found[name] = answer.stdout.strip().removeprefix(f"{name} ")
    return found


def release_binary(repository):
    """The program's release build in Cargo's target directory, built where it is missing."""
    described = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=repository, capture_output=True, text=True, check=True
    )
    binary = Path(json.loads(described.stdout)["target_directory"]) / "release" / "quietgate"
    if not binary.exists():
        built = subprocess.run(["cargo", "build", "--release"], cwd=repository, check=False)
        if built.returncode != 0:
            raise Failed("the release build failed")
    return binary


def build_bench(repository):
    """Builds the bench before it is measured on one core: `cargo` would else build there."""
    built = subprocess.run(["cargo", "bench", "--quiet", "--bench", "judge", "--no-run"], cwd=repository, check=False)
    if built.returncode != 0:
        raise Failed("the bench `judge` does not build")
