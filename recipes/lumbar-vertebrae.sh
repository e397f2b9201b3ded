#!/bin/sh
# The shipped model lumbar-vertebrae, from data to weights. OSTEON_DATA names the folder that holds spine-mri/.
# Every step that was finished is kept: run it again after an interruption, and training goes on where it stopped.
set -eu
data=${OSTEON_DATA:-../shared/data}
osteon=${OSTEON:-.venv/bin/osteon}
runs=${RUNS:-runs}

[ -d "$runs/cohort" ] || "$osteon" cohort import spider "$data/spine-mri" -o "$runs/cohort"
# Seed 3 is the first that leaves subject vb1-A, the only one with T1 spin echo scans, on the training side.
"$osteon" cohort split "$runs/cohort" --test 14 --validation 7 --seed 3
[ -d "$runs/phantoms-spider" ] || "$osteon" phantom make --task lumbar-spine --count 6 --seed 100 -o "$runs/phantoms-spider"
[ -d "$runs/phantoms" ] || "$osteon" cohort import spider "$runs/phantoms-spider" -o "$runs/phantoms"
"$osteon" train "$runs/cohort" --also "$runs/phantoms" --config recipes/lumbar-vertebrae.toml -o "$runs/lumbar-vertebrae" --resume
.venv/bin/python recipes/test_fold.py "$runs/cohort" "$runs/lumbar-vertebrae/model" -o "$runs/lumbar-vertebrae/test"
