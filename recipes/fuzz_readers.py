"""Feed damaged files to the readers and keep what makes one fail otherwise than with a sentence.

usage: python recipes/fuzz_readers.py [--seconds 3600] [--only nifti nrrd ...] [--with atheris|hypothesis] [-o FOLDER]

A reader has to answer with a volume (or a surface) or an `OsteonError`, in ten seconds and 1.5 GB. Every reader runs
in a process of its own, for its share of the time. atheris (`pip install atheris`, Linux) follows the coverage of
Osteon, nibabel and pydicom; hypothesis puts hostile numbers and words into headers. Each new kind of failure is kept
once, under FOLDER/<reader>-<where>; such a file belongs into the tests.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from fuzz_seeds import SUFFIXES, SURFACES, damaged, seeds

SECONDS_AN_INPUT = 10
MEMORY_BYTES = 1500 * 2**20
LARGEST_INPUT = 20_000
"""Bytes; damage to headers is what is looked for."""

FILE_TO_READ = "damaged"

LONGEST_START_S = 600
"""Of a process, until it has imported everything, on a machine that is busy otherwise."""

MOST_PROCESSES = 30
"""Of a reader; one that crashes more often has been seen to."""


def main() -> None:
    """Share the time between the readers, or (``--one``) be one reader's process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--only", nargs="+", choices=SUFFIXES, default=list(SUFFIXES))
    parser.add_argument("--with", dest="engine", choices=("atheris", "hypothesis"), default="atheris")
    parser.add_argument("-o", "--out", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--one", choices=SUFFIXES, help=argparse.SUPPRESS)
    parser.add_argument("--counted", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.one:
        with tempfile.TemporaryDirectory() as folder, instrumented(arguments.engine):
            search = with_atheris if arguments.engine == "atheris" else with_hypothesis
            search(Watch(arguments, Path(folder)), arguments.seed, Path(folder))
        return
    share = max(1, arguments.seconds // len(arguments.only))
    for reader in arguments.only:
        sys.stdout.write(f"{reader}: {fuzzed(reader, share, arguments.engine, arguments.out)} inputs\n")
        sys.stdout.flush()
    kept = sorted(path.name for path in arguments.out.iterdir())
    sys.stdout.write(f"{arguments.seconds} s, {len(kept)} findings: {', '.join(kept) or 'none'}\n")


def fuzzed(reader: str, seconds: int, engine: str, out: Path) -> int:
    """Run a reader's processes, one after the other where one dies, and count their inputs.

    Libraries in C can crash or hang: the file that did it is kept.
    """
    end, count, attempt = time.monotonic() + seconds, 0, 0
    while (left := int(end - time.monotonic())) > 0 and attempt < MOST_PROCESSES:
        attempt += 1
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            given = ["--one", reader, "--seconds", str(left), "--with", engine, "--seed", str(attempt), "-o", str(out)]
            how = _ended([sys.executable, __file__, *given, "--counted", str(folder / "count")], left, folder)
            if how:
                sys.stdout.write(f"{reader}: a process {how}\n")
                for last in folder.rglob(FILE_TO_READ + "*"):
                    shutil.copy(last, out / f"{reader}-ended-{attempt}{SUFFIXES[reader]}")
            if (folder / "count").is_file():
                count += int((folder / "count").read_text(encoding="ascii"))
    return count


def _ended(command: list[str], seconds: int, folder: Path) -> str:
    """How a process ended, if not well; its temporary files lie in a folder."""
    try:
        # ITK writes about every broken file
        done = subprocess.run(
            command, check=False, timeout=seconds + LONGEST_START_S, env={**os.environ, "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "hung"
    return f"ended with {done.returncode}" if done.returncode else ""


def reading(reader: str, folder: Path) -> Callable[[bytes], None]:
    """A function that hands bytes to a reader as a file; it raises only what is a finding."""
    from osteon.anatomy import Task
    from osteon.errors import OsteonError
    from osteon.io import read, read_labels
    from osteon.io.surface_file import read_surface_file

    path = folder / f"{FILE_TO_READ}{SUFFIXES[reader]}"
    if reader == "dicom":  # one damaged slice between two good ones
        path = folder / "good" / path.name
    legs = Task.load("leg-bones")

    def use(data: bytes) -> None:
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if reader in SURFACES:
                    read_surface_file(path)
                elif reader == "labels":
                    read_labels(path, legs)
                else:
                    read(path.parent if reader == "dicom" else path)
            except OsteonError as error:
                if not str(error).endswith("."):
                    raise AssertionError(f"no whole sentence: {error}") from error

    return use


class Watch:
    """Hands inputs to a reader until the time is up, and keeps those that fail, one for each place of failure."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.reader, self.out, self.counted = arguments.one, arguments.out.resolve(), arguments.counted
        self.first = seeds(self.reader, folder)
        self.use = reading(self.reader, folder)
        self.end, self.inputs = time.monotonic() + arguments.seconds, 0

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.end

    def look(self, data: bytes) -> None:
        """Try one input."""
        self.inputs += 1
        if self.inputs % 100 == 0:  # a crash leaves no time to say it
            self.say()
        begin = time.monotonic()
        try:
            self.use(data)
            if time.monotonic() - begin > SECONDS_AN_INPUT:
                raise TimeoutError("an answer, but too late")
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)
            ours = [frame for frame in place if "osteon" in frame.filename] or list(place)
            name = f"{self.reader}-{type(error).__name__}-{Path(ours[-1].filename).stem}-{ours[-1].lineno}"
            kept = self.out / f"{name}{SUFFIXES[self.reader]}"
            if not kept.exists():
                kept.write_bytes(data)

    def say(self) -> None:
        """How much was tried, for the process that started this one."""
        if self.counted:
            self.counted.write_text(str(self.inputs), encoding="ascii")


@contextlib.contextmanager
def instrumented(engine: str) -> Iterator[None]:
    """Modules imported within are followed by atheris, if it is the engine."""
    if engine == "hypothesis":
        yield
        return
    import atheris

    with atheris.instrument_imports(include=["osteon.io", "nibabel", "pydicom"]):
        yield


def limit_memory() -> None:
    """At most `MEMORY_BYTES` more than the libraries take."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) if sys.platform == "linux" else 0
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def with_atheris(watch: Watch, seed: int, folder: Path) -> None:
    """Mutations led by coverage. Ends the process."""
    import atheris

    corpus = folder / "corpus"
    corpus.mkdir()
    for data in watch.first:
        (corpus / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)
    limit_memory()
    options = [f"-timeout={2 * SECONDS_AN_INPUT}", f"-max_len={LARGEST_INPUT}", "-rss_limit_mb=0", "-verbosity=0"]
    kept = f"-artifact_prefix={watch.out}/{watch.reader}-"

    def look(data: bytes) -> None:
        watch.look(data)
        if watch.over:  # the fuzzer itself never returns
            watch.say()
            shutil.rmtree(folder)
            os._exit(0)

    atheris.Setup([sys.argv[0], *options, kept, f"-seed={seed}", str(corpus)], look)
    atheris.Fuzz()


def with_hypothesis(watch: Watch, seed: int, folder: Path) -> None:
    """Hostile numbers and words in good files, anew until the time is up."""
    from hypothesis import HealthCheck, given, settings
    from hypothesis import seed as begun_with

    strategy, rounds = damaged(watch.first), 0
    limit_memory()
    while not watch.over:

        @begun_with(10_000 * seed + rounds)
        @settings(max_examples=200, database=None, deadline=None, suppress_health_check=list(HealthCheck))
        @given(strategy)
        def look(data: bytes) -> None:
            if not watch.over:
                watch.look(data)

        look()
        rounds += 1
    watch.say()


if __name__ == "__main__":
    main()
