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
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS_AN_INPUT = 10
MEMORY_BYTES = 1500 * 2**20
LARGEST_INPUT = 20_000
"""Bytes; damage to headers is what is looked for."""

SUFFIXES = {
    "nifti": ".nii",
    "nifti-gz": ".nii.gz",
    "nrrd": ".nrrd",
    "metaimage": ".mha",
    "dicom": ".dcm",
    "ply": ".ply",
    "labels": ".nii",
}


def main() -> None:
    """Share the time between the readers, or (``--one``) be one reader's process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--only", nargs="+", choices=SUFFIXES, default=list(SUFFIXES))
    parser.add_argument("--with", dest="engine", choices=("atheris", "hypothesis"), default="atheris")
    parser.add_argument("-o", "--out", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--one", choices=SUFFIXES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.one:
        with tempfile.TemporaryDirectory() as folder:
            search = with_atheris if arguments.engine == "atheris" else with_hypothesis
            search(arguments.one, arguments.seconds, arguments.out.resolve(), Path(folder))
        return
    for reader in arguments.only:
        given = ["--seconds", str(max(1, arguments.seconds // len(arguments.only))), "--with", arguments.engine]
        command = [sys.executable, __file__, "--one", reader, *given, "-o", str(arguments.out)]
        # ITK writes about every broken file
        ended = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if ended.returncode:
            sys.stdout.write(f"{reader}: the process ended with {ended.returncode}; run it with --one {reader}\n")
    kept = sorted(path.name for path in arguments.out.iterdir())
    sys.stdout.write(f"{arguments.seconds} s, {len(kept)} findings: {', '.join(kept) or 'none'}\n")


def seeds(reader: str, folder: Path) -> list[bytes]:
    """Small good files of a format."""
    import numpy as np
    import pydicom

    from osteon.io import Surface, write, write_ply
    from osteon.io.dicom import write_dicom_series
    from osteon.volume import Volume

    array = (np.arange(60).reshape(3, 4, 5) % 5).astype(np.int16)
    scan = Volume(array, np.diag([1.0, 1.5, 2.0, 1.0]))
    if reader == "dicom":
        write_dicom_series(scan, folder / "good", description="T1", seed=1)
        files = sorted((folder / "good").iterdir())
        image = pydicom.dcmread(files[1])
        image.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        image.save_as(folder / "rle.dcm")
        found = [files[1].read_bytes(), (folder / "rle.dcm").read_bytes()]
        files[1].unlink()
        return found
    path = folder / f"seed{SUFFIXES[reader]}"
    if reader == "ply":
        write_ply(Surface(np.eye(4, 3), np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])), path)
        corners = "0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"
        head = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
        return [
            path.read_bytes(),
            f"{head}element face 1\nproperty list uchar int vertex_index\nend_header\n{corners}".encode(),
        ]
    write(scan, path)
    found = [path.read_bytes()]
    if reader == "nrrd":
        head = "NRRD0004\ntype: short\ndimension: 3\nsizes: 3 4 5\nspacings: 1 1 2\nendian: little\nencoding: raw\n\n"
        found.append(head.encode() + array.tobytes(order="F"))
    if reader == "metaimage":
        head = "ObjectType = Image\nNDims = 3\nDimSize = 3 4 5\nElementType = MET_SHORT\nElementSpacing = 1 1 2\n"
        found.append(f"{head}ElementDataFile = LOCAL\n".encode() + array.tobytes(order="F"))
    return found


def reading(reader: str, folder: Path) -> Callable[[bytes], None]:
    """A function that hands bytes to a reader as a file; it raises only what is a finding."""
    from osteon.anatomy import Task
    from osteon.errors import OsteonError
    from osteon.io import read, read_labels, read_ply

    path = folder / f"scan{SUFFIXES[reader]}"
    if reader == "dicom":  # one damaged slice between two good ones
        path = folder / "good" / "damaged.dcm"
    legs = Task.load("leg-bones")

    def use(data: bytes) -> None:
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if reader == "ply":
                    read_ply(path)
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

    def __init__(self, use: Callable[[bytes], None], reader: str, seconds: int, out: Path) -> None:
        self.use, self.reader, self.out = use, reader, out
        self.end, self.inputs = time.monotonic() + seconds, 0

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.end

    def look(self, data: bytes) -> None:
        """Try one input."""
        self.inputs += 1
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
        """How much was tried."""
        with (self.out.parent / f"{self.out.name}.log").open("a", encoding="utf-8") as log:
            log.write(f"{self.reader}: {self.inputs} inputs\n")


def limit_memory() -> None:
    """At most `MEMORY_BYTES` more than the libraries take."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) if sys.platform == "linux" else 0
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def with_atheris(reader: str, seconds: int, out: Path, folder: Path) -> None:
    """Mutations led by coverage. Ends the process."""
    import atheris

    with atheris.instrument_imports(include=["osteon.io", "nibabel", "pydicom"]):
        use = reading(reader, folder)
        first = seeds(reader, folder)
        for data in first:  # imports what is imported late
            use(data)
    corpus = folder / "corpus"
    corpus.mkdir()
    for data in first:
        (corpus / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)
    limit_memory()
    options = [f"-timeout={2 * SECONDS_AN_INPUT}", f"-max_len={LARGEST_INPUT}", "-rss_limit_mb=0", "-verbosity=0"]
    watch = Watch(use, reader, seconds, out)

    def look(data: bytes) -> None:
        watch.look(data)
        if watch.over:  # the fuzzer itself never returns
            watch.say()
            shutil.rmtree(folder)
            os._exit(0)

    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={out}/{reader}-", "-seed=1", str(corpus)], look)
    atheris.Fuzz()


def with_hypothesis(reader: str, seconds: int, out: Path, folder: Path) -> None:
    """Hostile numbers and words in good files, anew until the time is up."""
    from hypothesis import HealthCheck, given, seed, settings

    use = reading(reader, folder)
    strategy = damaged(seeds(reader, folder))
    limit_memory()
    watch, rounds = Watch(use, reader, seconds, out), 0
    while not watch.over:

        @seed(rounds)
        @settings(max_examples=200, database=None, deadline=None, suppress_health_check=list(HealthCheck))
        @given(strategy)
        def look(data: bytes) -> None:
            if not watch.over:
                watch.look(data)

        look()
        rounds += 1
    watch.say()


def damaged(good: list[bytes]) -> Any:
    """Strategy of hypothesis: a good file with some places overwritten, words exchanged, its end cut off."""
    import re
    import struct

    from hypothesis import strategies as st

    numbers = [0, 1, -1, 2, 7, 127, 128, 255, 256, 32767, -32768, 65535, 2**31 - 1, -(2**31), 2**62]
    reals = [0.0, -1.0, float("nan"), float("inf"), 1e-40, 1e30, 1e300, 0.5]
    packed = [struct.pack("<q", n)[:size] for n in numbers for size in (1, 2, 4, 8)]
    packed += [struct.pack("<d", r) for r in reals]
    for real in reals:
        with contextlib.suppress(OverflowError):
            packed.append(struct.pack("<f", real))
    words = [
        b"0",
        b"-1",
        b"nan",
        b"1e308",
        b"inf",
        b"99999999999",
        b"65536",
        b"",
        b"a",
        b"none",
        b"(1,0,0)",
        b"1 1 1 1",
    ]
    edit = st.tuples(st.booleans(), st.floats(0, 1), st.sampled_from(packed), st.sampled_from(words))

    def changed(data: bytes, edits: list[tuple[bool, float, bytes, bytes]], kept: float) -> bytes:
        for binary, where, raw, word in edits:
            at = int(where**2 * len(data))  # more often in the header
            if binary:
                data = data[:at] + raw + data[at + len(raw) :]
            elif tokens := list(re.finditer(rb"[\w.+-]+", data)):
                token = tokens[int(where * (len(tokens) - 1))]
                data = data[: token.start()] + word + data[token.end() :]
        return data[: int(kept * len(data))]

    whole_or_cut = st.one_of(st.just(1.0), st.just(1.0), st.floats(0, 1))
    return st.builds(changed, st.sampled_from(good), st.lists(edit, min_size=1, max_size=4), whole_or_cut)


if __name__ == "__main__":
    main()
