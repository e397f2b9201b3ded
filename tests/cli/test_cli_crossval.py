"""osteon crossval and finetune."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from osteon.cohort import split
from osteon.cohort.split import SPLIT
from test_training_resume import make_cohort

Osteon = Callable[..., Any]

CONFIG = """
name = "short"
title = "Hardly trained"
classes = ["vertebra-L5", "vertebra"]
epochs = 1
steps = 1
batch = 2
[network]
width = 8
[preprocessing]
region = "none"
[sampling]
rows = 32
columns = 32
"""


def test_folds_make_tables_a_page_and_a_model_that_goes_on_learning(osteon: Osteon, tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path / "cohort", subjects=4)
    split(cohort, kind="k-fold", folds=2, validation=1).write(cohort.folder / SPLIT)
    (tmp_path / "short.toml").write_text(CONFIG)
    out = tmp_path / "crossval"
    ended = osteon("crossval", cohort.folder, "--config", tmp_path / "short.toml", "-o", out, "--device", "cpu")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[-2:] == [str(out / "summary.md"), str(out / "model")]
    assert "fold 2 of 2, epoch 1: loss" in ended.err
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 2 * 3, "best, median and worst, each twice"
    assert page.count("data:image/png") == 2
    assert "http" not in page.replace("http://www.w3.org", "")
    refused = osteon("finetune", out / "model", cohort.folder, "-o", tmp_path / "tuned", "--device", "cpu")
    assert (refused.code, refused.is_one_sentence) == (3, True)
    (tmp_path / "gently.toml").write_text("epochs = 1\nsteps = 1\nbatch = 2\n[sampling]\nrows = 32\ncolumns = 32\n")
    words = ("finetune", out / "fold-0" / "model", cohort.folder, "-o", tmp_path / "tuned", "--device", "cpu")
    tuned = osteon(*words, "--config", tmp_path / "gently.toml", "--add", "vertebra-L4")
    assert tuned.code == 0, tuned.err
    assert "before training: validation" in tuned.err
    assert "vertebra-L4" in (tmp_path / "tuned/model/model.toml").read_text()
    assert "they chose the epoch" in (tmp_path / "tuned/report.html").read_text(encoding="utf-8")
