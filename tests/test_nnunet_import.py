"""Trained folders of nnU-Net become models: safely, by the names of their labels, from folders and zip files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models import brightness_model
from nnunet_releases import checkpoint, plans, release
from osteon.anatomy import Task
from osteon.errors import ModelError, OsteonError, UsageError
from osteon.inference import engine_for
from osteon.networks.added import add_model, remove_model
from osteon.networks.model import WEIGHTS, Model, added_folder
from osteon.networks.nnunet.importing import Wanted, import_nnunet
from osteon.networks.nnunet.plan import Plan
from osteon.networks.nnunet.release import read_checkpoint


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(folder))
    return folder


class Harmful:
    """Writes a file as soon as it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_labels_are_mapped_by_name_to_the_task_that_knows_them(tmp_path: Path) -> None:
    model = import_nnunet(release(tmp_path), tmp_path / "model", Wanted("legs"))
    assert (model.spec.task, model.spec.classes) == ("leg-bones", ("tibia-right", "tibia-left"))
    assert model.spec.network.planned
    plan = Plan.load(model.folder)
    assert (plan.classes, plan.configuration, plan.mirroring) == ((0, 1, 2), "3d_fullres", (0, 1))
    assert "Dataset001" in model.card() or "nnUNetTrainer" in model.card()


def test_labels_that_no_task_knows_become_a_task_of_their_own_with_its_sides(tmp_path: Path) -> None:
    labels = {"background": 0, "kidney left": 1, "kidney_right": 2, "spleen": 3, "ignore": 4}
    source = release(tmp_path, labels)
    (source / "fold_0" / "checkpoint_final.pth").unlink()
    torch.save(checkpoint(4, "3d_fullres"), source / "fold_0" / "checkpoint_final.pth")
    model = import_nnunet(source, tmp_path / "model", Wanted("belly"))
    left, right, middle = Model.load(model.folder).task.structures
    assert (left.name, left.side, left.mirror) == ("kidney-left", "left", "kidney-right")
    assert (right.mirror, middle.side, middle.mirror) == ("kidney-left", "midline", None)
    assert len({left.colour, right.colour, middle.colour}) == 3


def test_given_a_task_unknown_labels_become_background_and_the_user_names_others(tmp_path: Path) -> None:
    labels = {"background": 0, "muscle": 1, "shin": 2, "femur_left": 3}
    wanted = Wanted("legs", task=Task.load("leg-bones"), mapping={2: "tibia-right"})
    model = import_nnunet(release(tmp_path, labels), tmp_path / "model", wanted)
    assert model.spec.classes == ("tibia-right", "femur-left")
    assert Plan.load(model.folder).classes == (0, 0, 1, 2)
    assert "muscle: not in the task" in model.card()


def test_a_label_without_a_side_is_only_taken_for_the_right_where_the_task_is_given_and_it_is_said(
    tmp_path: Path,
) -> None:
    source = release(tmp_path, {"background": 0, "tibia": 1})
    assert import_nnunet(source, tmp_path / "found", Wanted("own")).task.name == "own"
    given = import_nnunet(source, tmp_path / "given", Wanted("legs", task=Task.load("leg-bones")))
    assert given.spec.classes == ("tibia-right",)
    assert "taken for the right one" in given.card()


def test_all_folds_are_kept_and_weights_under_two_names_only_once(tmp_path: Path) -> None:
    source = release(tmp_path, folds=("0", "1", "all"))
    model = import_nnunet(source, tmp_path / "model", Wanted("legs"))
    stored = load_file(model.folder / WEIGHTS)
    names = [f"fold_{f}.{n}" for f in "01" for n in ("decoder.seg_layers.0.weight", "encoder.conv.weight")]
    assert sorted(stored) == names
    assert float(stored["fold_1.encoder.conv.weight"].max()) == 2.0
    one = import_nnunet(source, tmp_path / "one", Wanted("legs", folds=("1",)))
    assert Plan.load(one.folder).folds == ("1",)


def test_a_zip_gives_the_same_model_as_its_folder(tmp_path: Path) -> None:
    source = release(tmp_path / "results")
    archive = shutil.make_archive(str(tmp_path / "Legs"), "zip", tmp_path / "results")
    one, other = (import_nnunet(s, tmp_path / n, Wanted("legs"), "#") for s, n in ((source, "a"), (archive, "b")))
    for name in (WEIGHTS, "model.toml", "nnunet.json", "card.md"):
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path: Path) -> None:
    source, mark = release(tmp_path), tmp_path / "ran"
    file = source / "fold_0" / "checkpoint_final.pth"
    torch.save(checkpoint(3, "3d_fullres") | {"logging": Harmful(mark)}, file)
    with pytest.raises(ModelError, match="can run code"):
        import_nnunet(source, tmp_path / "model", Wanted("legs"))
    assert not mark.exists()
    assert not (tmp_path / "model").exists()


def test_numbers_of_numpy_in_a_checkpoint_are_read(tmp_path: Path) -> None:
    torch.save(checkpoint(3, "2d"), tmp_path / "c.pth")
    found = read_checkpoint(tmp_path / "c.pth")
    assert found["logging"]["train_losses"] == [np.float32(0.5)]
    (tmp_path / "c.pth").write_bytes((tmp_path / "c.pth").read_bytes()[:500])
    with pytest.raises(ModelError, match="cannot be read"):
        read_checkpoint(tmp_path / "c.pth")


FOREIGN = plans()
FOREIGN["configurations"]["3d_fullres"]["architecture"] |= {"network_class_name": "os.system"}
FOREIGN_PART = plans()
FOREIGN_PART["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"] |= {"conv_op": "subprocess.run"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"plan": FOREIGN}, "os.system"),
        ({"plan": FOREIGN_PART}, "subprocess.run"),
        ({"plan": plans(**{"3d_fullres": {"previous_stage": "3d_lowres"}})}, "cascade"),
        ({"dataset": {"channel_names": {"0": "T1", "1": "T2"}}}, "2 scans"),
        ({"labels": {"background": 0, "whole": [1, 2], "core": 2}}, "regions"),
        ({"labels": {"background": 0, "tibia": 1, "femur": 7}}, r"\[0, 1, 7\]"),
        ({"dataset": {"labels": {"background": 0, "tibia": 1}}}, "3 classes apart"),
    ],
)
def test_what_osteon_cannot_run_is_refused_by_its_reason(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        import_nnunet(release(tmp_path, **changes), tmp_path / "model", Wanted("legs"))
    assert not (tmp_path / "model").exists()


def test_one_of_several_configurations_has_to_be_chosen(tmp_path: Path) -> None:
    release(tmp_path / "results")
    release(tmp_path / "results" / "more", configuration="2d", plan=plans(**{"2d": {"patch_size": [32, 32]}}))
    with pytest.raises(ModelError, match="2d, 3d_fullres"):
        import_nnunet(tmp_path / "results", tmp_path / "model", Wanted("legs"))
    chosen = import_nnunet(tmp_path / "results", tmp_path / "model", Wanted("legs", configuration="2d"))
    assert chosen.spec.network.name == "nnunet-2d"


def test_a_damaged_plan_is_refused_when_the_model_is_used(tmp_path: Path) -> None:
    model = import_nnunet(release(tmp_path), tmp_path / "model", Wanted("legs"))
    document = json.loads((model.folder / "nnunet.json").read_text(encoding="utf-8"))
    (model.folder / "nnunet.json").write_text(json.dumps(document | {"plans": FOREIGN}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"os\.system"):
        Plan.load(model.folder)


def test_a_model_of_nnunet_says_what_it_needs(tmp_path: Path) -> None:
    model = import_nnunet(release(tmp_path), tmp_path / "model", Wanted("legs"))
    with pytest.raises(UsageError, match="openvino"):
        engine_for(model, "openvino", "cpu")
    with pytest.raises(ModelError, match="nnU-Net"):
        model.network()


def test_added_models_are_known_by_name_until_they_are_removed(tmp_path: Path, home: Path) -> None:
    added = add_model(release(tmp_path / "My Legs!").parent.parent)
    assert added.spec.name == "my-legs"
    assert added.folder.parent == added_folder()
    own = add_model(brightness_model(tmp_path / "own").folder)
    assert {"brightness", "my-legs"} <= set(Model.available())
    assert Model.load("brightness").network() is not None
    with pytest.raises(UsageError, match="--overwrite"):
        add_model(own.folder)
    remove_model("my-legs")
    assert "my-legs" not in Model.available()
    for name in ("my-legs", "lumbar-vertebrae", "../own", ""):
        with pytest.raises(UsageError, match="was added"):
            remove_model(name)


def test_a_zip_of_a_model_is_added_whole_and_only_with_its_own_weights(tmp_path: Path, home: Path) -> None:
    model = brightness_model(tmp_path / "own")
    archive = shutil.make_archive(str(tmp_path / "model"), "zip", tmp_path, "own")
    assert add_model(archive, Wanted("other")).folder.name == "other"
    (model.folder / WEIGHTS).write_bytes(b"other weights")
    damaged = shutil.make_archive(str(tmp_path / "damaged"), "zip", tmp_path, "own")
    with pytest.raises(ModelError, match="SHA-256"):
        add_model(damaged, Wanted("third"))
    assert sorted(path.name for path in added_folder().iterdir()) == ["other"]


@pytest.mark.parametrize("name", ["lumbar-vertebrae", "Über", "../x"])
def test_names_that_are_taken_or_no_names_are_refused(tmp_path: Path, home: Path, name: str) -> None:
    with pytest.raises(UsageError, match="--name"):
        add_model(release(tmp_path), Wanted(name))


def test_what_is_no_model_is_refused(tmp_path: Path, home: Path) -> None:
    (tmp_path / "text.zip").write_text("text")
    for source in (tmp_path / "nothing", tmp_path / "text.zip", tmp_path):
        with pytest.raises(OsteonError, match=r"nnU-Net|zip"):
            add_model(source)
    assert not added_folder().exists() or not any(added_folder().iterdir())
