"""Every subject is tested by a network that never saw it; the folds answer together; a model goes on learning."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from models import boxes, brightness_model
from osteon.cohort import Cohort, Split, split
from osteon.confidence.evidence import disagreement, evidence_of
from osteon.crossvalidation import CrossValidated, crossval
from osteon.crossvalidation.page import page_of_training
from osteon.crossvalidation.summary import by_subject, over_subjects
from osteon.errors import ModelError, TrainingError
from osteon.inference import engine_for, predict
from osteon.inference.engine import averaged
from osteon.networks.ensemble import networks_of, write_ensemble
from osteon.networks.model import Model
from osteon.postprocessing import finish
from osteon.training import TrainingConfig, TrainingPaths, finetune, finetuning_config, folder, train
from osteon.training.session import Session
from small_models import random_model
from test_training_resume import make_cohort, tiny

SHORT = {"epochs": 1, "steps": 1}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return make_cohort(tmp_path_factory.mktemp("data") / "cohort", subjects=3)


@pytest.fixture(scope="module")
def folds(cohort: Cohort) -> Split:
    return split(cohort, kind="leave-one-out", validation=1)


@pytest.fixture(scope="module")
def done(cohort: Cohort, folds: Split, tmp_path_factory: pytest.TempPathFactory) -> CrossValidated:
    out = tmp_path_factory.mktemp("runs") / "crossval"
    return crossval(cohort, out, config=tiny(**SHORT), split=folds, device="cpu")


# cross-validation


def test_every_subject_is_tested_once_by_a_network_that_did_not_see_it(done: CrossValidated, folds: Split) -> None:
    assert sorted(done.scores.groupby("subject")["fold"].nunique().items()) == [("s0", 1), ("s1", 1), ("s2", 1)]
    for subject, part in done.scores.groupby("subject"):
        fold = folds.folds[int(part["fold"].iloc[0])]
        assert fold.test == (subject,)
        assert subject not in fold.train + fold.validation
        assert done.paths.predicted(int(part["fold"].iloc[0]), part["case"].iloc[0]).is_file()
    assert set(done.scores["structure"]) == {"vertebra-L5", "vertebra-L4"}, "what was annotated, and nothing else"


def test_the_tables_are_written(done: CrossValidated) -> None:
    pd.testing.assert_frame_equal(pd.read_csv(done.paths.scores), done.scores)
    assert len(pd.read_csv(done.paths.subjects)) == 3
    text = done.paths.summary.read_text()
    assert "3 of 3 subjects" in text
    assert "| vertebra-L5 | 3 |" in text


def test_finished_folds_are_not_trained_again(
    done: CrossValidated, cohort: Cohort, folds: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("osteon.crossvalidation.folds.train", lambda *a, **k: pytest.fail("trained again"))
    before = done.paths.scores.read_bytes()
    again = crossval(cohort, done.paths.folder, config=tiny(**SHORT), split=folds, resume=True, device="cpu")
    assert again.paths.scores.read_bytes() == before
    wrong: list[tuple[dict[str, object], str]] = [
        ({"split": split(cohort, kind="leave-one-out", validation=1, seed=9)}, "another split"),
        ({"config": tiny(epochs=1, steps=2)}, "another configuration"),
        ({"resume": False}, "--resume"),
    ]
    for other, said in wrong:
        how = {"config": tiny(**SHORT), "split": folds, "resume": True} | other
        with pytest.raises(TrainingError, match=said):
            crossval(cohort, done.paths.folder, **how)  # type: ignore[arg-type]


def test_a_split_without_validation_is_refused_before_anything_is_written(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no validation subject"):
        crossval(cohort, tmp_path / "x", config=tiny(), split=split(cohort, kind="leave-one-out"))
    assert not (tmp_path / "x").exists()


def test_spread_is_over_subjects_however_many_scans_they_have() -> None:
    nan = float("nan")
    rows = [("a", 1, 1.0), ("a", 2, 0.8), ("a", 3, 0.9), ("b", 4, 0.5)]
    table = pd.DataFrame(
        {"subject": s, "case": str(c), "fold": 0, "structure": "x", "status": "defined", "dice": d,
         "volume_error_percent": nan, "hausdorff95_mm": nan, "average_surface_distance_mm": nan}
        for s, c, d in rows
    )  # fmt: skip
    spread = over_subjects(table).query("score == 'dice'").set_index("structure")
    for name in ("x", "all"):
        assert spread.loc[name, "subjects"] == 2
        assert spread.loc[name, "mean"] == pytest.approx(0.7)
        assert spread.loc[name, "sd"] == pytest.approx(np.std([0.9, 0.5], ddof=1))
    assert list(by_subject(table)["cases"]) == [3, 1]


# ensembles


def test_the_folds_become_one_model_that_averages_probabilities(done: CrossValidated, cohort: Cohort) -> None:
    model = Model.load(done.paths.model)
    singles = networks_of(model)
    assert [one.spec.weights_sha256 for one in singles] == [
        Model.load(done.paths.fold(n).model).spec.weights_sha256 for n in range(3)
    ]
    scan = cohort.scan(cohort.cases[0])
    together = predict(scan, model, engine_for(model, "torch", "cpu"))
    apart = [predict(scan, one, engine_for(one, "torch", "cpu")).probabilities.astype(float) for one in singles]
    np.testing.assert_allclose(together.probabilities, np.mean(apart, axis=0), atol=0.51)
    assert together.votes is not None
    np.testing.assert_array_equal(together.votes, [one.argmax(axis=0) for one in apart])
    assert predict(scan, singles[0], engine_for(singles[0], "torch", "cpu")).votes is None


def test_averaged_logits_have_the_mean_probabilities() -> None:
    answers = [np.random.default_rng(n).normal(0, 5, (2, 3, 4, 5)).astype(np.float32) for n in range(3)]
    softmax = [torch.from_numpy(a).softmax(dim=1).numpy() for a in answers]
    found = torch.from_numpy(averaged(answers)).softmax(dim=1).numpy()
    np.testing.assert_allclose(found, np.mean(softmax, axis=0), atol=1e-6)


def test_only_models_of_one_kind_answer_together(tmp_path: Path) -> None:
    one, other = random_model(tmp_path / "a"), random_model(tmp_path / "b", classes=("vertebra-L5", "vertebra-L4"))
    with pytest.raises(ModelError, match="another kind of model"):
        write_ensemble(tmp_path / "both", [one, other], "# Both\n")
    both = write_ensemble(tmp_path / "both", [one, one], "# Both\n")
    with pytest.raises(ModelError, match="ensemble already"):
        write_ensemble(tmp_path / "more", [both, both], "# More\n")
    with pytest.raises(TrainingError, match="ensemble of 2 networks"):
        finetuning_config(both)
    described = tmp_path / "both/networks/2/model.toml"
    described.write_text(described.read_text().replace(one.spec.weights_sha256, "0" * 64))
    with pytest.raises(ModelError, match="is not the network"):
        networks_of(both)


def test_disagreement_is_one_less_the_mean_dice_of_pairs() -> None:
    masks = np.zeros((3, 1, 1, 4), bool)
    masks[0, 0, 0, :2] = masks[1, 0, 0, :2] = masks[2, 0, 0, 1:3] = True
    assert disagreement(masks) == pytest.approx(1 - (1 + 0.5 + 0.5) / 3)
    assert np.isnan(disagreement(masks[:, :, :, 3:]))
    assert disagreement(masks[:2]) == 0


def test_networks_that_agree_have_no_disagreement_in_the_evidence(tmp_path: Path) -> None:
    one = brightness_model(tmp_path / "one")
    model = write_ensemble(tmp_path / "both", [one, one], "# Both\n")
    scan, _ = boxes()
    prediction = predict(scan, model, engine_for(model, "torch", "cpu"))
    found = evidence_of(prediction, finish(prediction.classes, model.spec, model.task).labels, model.spec)
    assert len(found) == 4
    assert [evidence.numbers["disagreement"] for evidence in found] == [0, 0, 0, 0]


# fine-tuning


def test_a_fine_tuning_has_the_models_configuration_and_learns_gently(tmp_path: Path) -> None:
    model = brightness_model(tmp_path / "m")
    config = finetuning_config(model, {"optimiser": {"clip_norm": 1.0}, "batch": 2}, add=["vertebra-L4", "vertebra"])
    assert config.classes == ("vertebra-L5", "vertebra", "vertebra-L4")
    assert (config.network, config.preprocessing) == (model.spec.network, model.spec.preprocessing)
    assert (config.optimiser.learning_rate, config.optimiser.clip_norm, config.batch) == (1e-4, 1.0, 2)
    assert config.encoder.frozen_epochs > 0
    for wrong, said in (({"network": {"width": 16}}, "network comes from the model"), ({"epoch": 3}, "epoch: is not")):
        with pytest.raises(TrainingError, match=said):
            finetuning_config(model, wrong)


def test_a_finetuned_model_knows_the_new_structure_and_begins_with_the_old_weights(
    done: CrossValidated, cohort: Cohort, folds: Split, tmp_path: Path
) -> None:
    lines: list[str] = []
    start = Model.load(done.paths.fold(0).model)
    tables = SHORT | {"batch": 2, "sampling": {"rows": 32, "columns": 32}, "optimiser": {"average": 0.0}}
    config = finetuning_config(start, tables, add=["vertebra-L4"])
    tuned = finetune(
        start, cohort, tmp_path / "run", fold=folds.folds[0], config=config, device="cpu", said=lines.append
    )
    assert tuned.spec.classes == ("vertebra-L5", "vertebra", "vertebra-L4")
    assert any(line.startswith("before training: validation") for line in lines)
    before, after = start.network().state_dict(), tuned.network().state_dict()
    frozen = [name for name in before if name.startswith("encoder.") and "num_batches" not in name]
    assert all(torch.equal(before[name], after[name]) for name in frozen), "one epoch, encoder frozen"
    assert not torch.equal(before["decoder.0.conv1.weight"], after["decoder.0.conv1.weight"])
    # one small step from the row of its group
    assert torch.allclose(after["head.weight"][3], before["head.weight"][2], atol=5e-4)


def test_a_run_that_makes_its_start_worse_says_so_everywhere(
    done: CrossValidated, cohort: Cohort, folds: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged as worse with every look, whatever it learns."""
    judgements = iter([0.9, 0.5, 0.4])
    monkeypatch.setattr(Session, "judged", _worse(Session.judged, judgements))
    lines: list[str] = []
    start = Model.load(done.paths.fold(0).model)
    config = finetuning_config(start, SHORT | {"epochs": 2, "batch": 2, "sampling": {"rows": 32, "columns": 32}})
    tuned = finetune(
        start, cohort, tmp_path / "run", fold=folds.folds[0], config=config, device="cpu", said=lines.append
    )
    said = "than the model that this training began with (mean Dice 0.500 against 0.900)"
    assert lines[-1].startswith(f"No epoch was better on the validation subjects {said}")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["warnings"] == [lines[-1]]
    assert said in (tuned.folder / "card.md").read_text()
    page = page_of_training(cohort, tmp_path / "run", folds.folds[0], "cpu")
    assert said in page.read_text()


def _worse(judged: Callable[..., dict[str, float]], dice: Iterator[float]) -> Callable[..., dict[str, float]]:
    return lambda *given: judged(*given) | {"f1": next(dice)}


# run folders


def test_a_run_of_an_older_version_goes_on_where_new_keys_have_their_defaults(cohort: Cohort, tmp_path: Path) -> None:
    paths = TrainingPaths(tmp_path / "run")
    fold = split(cohort, validation=1).folds[0]
    folder.claim(paths, tiny(), fold, (cohort,), resume=False)
    text = paths.config.read_text()
    paths.config.write_text(text.replace('"patience": 20,', "").replace('"batch": 2', '"batch": 2 '))
    folder.claim(paths, tiny(), fold, (cohort,), resume=True)
    with pytest.raises(TrainingError, match="another configuration"):
        folder.claim(paths, tiny(patience=3), fold, (cohort,), resume=True)


@pytest.mark.parametrize("name", ["unet2d"])
def test_networks_without_an_encoder_learn_too(name: str, cohort: Cohort, folds: Split, tmp_path: Path) -> None:
    config = tiny(**SHORT, network={"name": name, "width": 8}, encoder={})
    assert train(cohort, tmp_path / "run", config=config, fold=folds.folds[0], device="cpu").spec.network.name == name
    with pytest.raises(ValueError, match="no encoder that could be frozen"):
        TrainingConfig.model_validate(config.model_dump() | {"encoder": {"frozen_epochs": 2}})
