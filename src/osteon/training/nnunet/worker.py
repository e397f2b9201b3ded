"""The process that runs nnU-Net: plans, preprocesses and trains what its job says.

It is a process of its own because nnU-Net takes its folders from the environment when it is imported, and starts
further processes, which run this file again (as ``__mp_main__``) before they import nnU-Net. It is run by its path and
imports Osteon's training only where it is needed, so that those processes start quickly.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from osteon.training.nnunet.job import Job

if __name__ in ("__main__", "__mp_main__"):
    from osteon.networks.nnunet.extra import prepare_import

    prepare_import()


def tell(event: str, **facts: Any) -> None:
    """Tell Osteon something."""
    from osteon.training.nnunet.job import EVENT

    sys.stdout.write(EVENT + json.dumps({"event": event} | facts) + "\n")
    sys.stdout.flush()


def main(job: Job) -> None:
    """Do what is not done yet."""
    if not job.ready.is_file():
        plans = _prepare(job)
        job.ready.write_text(json.dumps({"plans": plans}), encoding="utf-8")
    plans = json.loads(job.ready.read_text(encoding="utf-8"))["plans"]
    _train(job, plans)


def _prepare(job: Job) -> str:
    """Fingerprint, plan and preprocess; returns the plan's name."""
    from nnunetv2.experiment_planning import plan_and_preprocess_api as nnunet

    from osteon.training.nnunet.job import DATASET_ID

    tell("stage", name="looking at the cohort")
    nnunet.extract_fingerprints([DATASET_ID], num_processes=job.workers, check_dataset_integrity=True, clean=True)
    tell("stage", name="planning")
    # nnunetv2 2.8 gives torch as many threads while it plans, and torch refuses 0
    os.environ["nnUNet_n_proc_DA"] = str(max(1, job.augmenters))  # noqa: SIM112 - its name
    plans = nnunet.plan_experiments([DATASET_ID], job.planner, gpu_memory_target_in_gb=job.memory_gb)
    os.environ.update(job.environment())
    known = json.loads((job.preprocessed / f"{plans}.json").read_text(encoding="utf-8"))["configurations"]
    tell("plan", **{key: known.get(job.configuration, {}).get(key) for key in ("patch_size", "batch_size", "spacing")})
    tell("stage", name="preprocessing")
    nnunet.preprocess([DATASET_ID], plans, configurations=(job.configuration,), num_processes=(job.workers,))
    (job.preprocessed / "splits_final.json").write_bytes((job.raw / "splits_final.json").read_bytes())
    return str(plans)


def _train(job: Job, plans: str) -> None:
    import numpy as np
    import torch

    from osteon.training.nnunet.trainer import nnUNetTrainer

    np.random.seed(job.seed)  # noqa: NPY002 - nnU-Net draws from numpy's global state
    random.seed(job.seed)
    torch.manual_seed(job.seed)
    plan = json.loads((job.preprocessed / f"{plans}.json").read_text(encoding="utf-8"))
    plan["continue_training"] = False  # nnunetv2 2.6 and later take it out again
    dataset = json.loads((job.preprocessed / "dataset.json").read_text(encoding="utf-8"))
    trainer = nnUNetTrainer(plan, job.configuration, 0, dataset, torch.device(job.device))
    trainer.follow(job, tell)
    folder = Path(trainer.output_folder)
    if (folder / "checkpoint_final.pth").is_file():
        return
    if (folder / "checkpoint_latest.pth").is_file():
        trainer.load_checkpoint(str(folder / "checkpoint_latest.pth"))
    tell("stage", name="training")
    trainer.run_training()


if __name__ == "__main__":
    from osteon.training.nnunet.job import Job

    told = Job.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.environ.update(told.environment())
    main(told)
