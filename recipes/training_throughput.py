"""How fast crops are made, how fast the network learns from them, and what memory that takes.

usage: python recipes/training_throughput.py COHORT [--config FILE] [--batches N] [-o FILE.md]

On one core, in one run, in turns: crops alone (every change of the recipe, and every change there is); forward and
backward of the network alone, on one batch again and again; the whole loop, with crops made in a thread, gradient
clipping, optimiser and averaged weights. Times are of the processor (all threads), so that other programs on the
machine do not count. Then the memory that is held after each of three epochs (Linux), with a quarter of the training
subjects and with all of them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from osteon.cohort import Cohort, Fold, Split
from osteon.cohort.split import SPLIT
from osteon.training import TrainingConfig, train
from osteon.training.cases import PreparedCase, prepare_cases
from osteon.training.config import AugmentationConfig
from osteon.training.data import Sampler
from osteon.training.session import Session

EVERYTHING = AugmentationConfig(remapped=0.5, elastic=8, ghosting=0.3, thick=0.3)
"""All changes there are, most of them to every crop."""


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--batches", type=int, default=12)
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cohort = Cohort.load(arguments.cohort)
    fold = Split.load(arguments.cohort / SPLIT, cohort).folds[0]
    config = (
        TrainingConfig.load(arguments.config)
        if arguments.config
        else TrainingConfig(name="throughput", title="Throughput", classes=("vertebra-L5", "vertebra"))
    )
    with tempfile.TemporaryDirectory() as scratch:
        cases = prepare_cases(cohort, cohort.of_subjects(fold.train[:8]), config, Path(scratch), said)
        text = speed(cases, config, arguments.batches)
    text += "\n" + memory(cohort, fold, config)
    sys.stdout.write(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def said(line: str) -> None:
    """A line of the preparation."""
    sys.stderr.write(f"{line}\n")


def speed(cases: list[PreparedCase], config: TrainingConfig, batches: int) -> str:
    """Table of slices a second of the processor."""
    config = config.model_copy(update={"steps": batches})
    session = Session(config, "cpu")
    sampler = Sampler(cases, config)
    every = Sampler(cases, config.model_copy(update={"augmentation": EVERYTHING}))
    seen = sampler.batch(0, 0)

    def bare() -> None:
        session.network.zero_grad()
        session.fabric.backward(session._loss(seen))

    session.network.train()
    bare()  # kernels are chosen at the first run
    network = crops = all_crops = whole = 0.0
    for turn in range(batches):
        network += processor_s(bare)
        crops += processor_s(lambda turn=turn: sampler.batch(1, turn))  # type: ignore[misc]
        all_crops += processor_s(lambda turn=turn: every.batch(1, turn))  # type: ignore[misc]
        if turn % 4 == 3:  # the loop needs several batches to run ahead
            short = config.model_copy(update={"steps": 4})
            session.config = short
            whole += processor_s(lambda turn=turn: session._steps(sampler, turn))  # type: ignore[misc]
    slices = batches * config.batch
    rows = [
        ("network alone, forward and backward", network, slices),
        ("crops alone, the recipe's changes", crops, slices),
        ("crops alone, every change there is", all_crops, slices),
        ("whole loop", whole, batches // 4 * 4 * config.batch),
    ]
    bare_rate = slices / network
    lines = ["| what | slices a second of one core | against the network alone |", "|---|---|---|"]
    lines += [f"| {what} | {n / s:.2f} | {n / s / bare_rate:.2f} |" for what, s, n in rows]
    return "\n".join(lines) + "\n"


def processor_s(work: Callable[[], object]) -> float:
    """Seconds of the processor, of all threads of this process."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def memory(cohort: Cohort, fold: Fold, config: TrainingConfig) -> str:
    """Table of the memory held after each of three short epochs, with a quarter of the training subjects and all."""
    # a narrow network leaves more of what is seen to the cases
    narrow = config.network.model_copy(update={"width": 16})
    short = config.model_copy(update={"epochs": 3, "steps": 4, "batch": 2, "minutes": None, "network": narrow})
    lines = ["| training subjects | after epoch 1 (MB) | 2 | 3 |", "|---|---|---|---|"]
    for subjects in (fold.train[: len(fold.train) // 4], fold.train):
        part = Fold(train=subjects, validation=fold.validation[:2])
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=grown, args=(theirs, cohort.folder, part, short))
        process.start()
        held = ours.recv()
        process.join()
        lines.append(f"| {len(subjects)} | " + " | ".join(f"{each:.0f}" for each in held) + " |")
    return "\n".join(lines) + "\n"


def grown(answer: object, folder: Path, fold: Fold, config: TrainingConfig) -> None:
    """Memory of this process, MB, after each epoch of a training."""
    torch.set_num_threads(1)
    held: list[float] = []

    def said(line: str) -> None:
        if line.startswith("epoch"):
            held.append(anonymous_mb())

    with tempfile.TemporaryDirectory() as run:
        train(Cohort.load(folder), run, config=config, fold=fold, device="cpu", said=said)
    answer.send(held)  # type: ignore[attr-defined]


def anonymous_mb() -> float:
    """Memory of this process, without the pages of files that the system may drop (Linux), MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.split("RssAnon:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
