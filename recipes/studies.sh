#!/bin/sh
# The studies of docs/results, from data to tables. OSTEON_DATA names the folder that holds spine-mri/ and weights/.
# What was finished is kept: run it again after an interruption, and it goes on where it stopped.
set -eu
data=${OSTEON_DATA:-../shared/data}
python=${PYTHON:-.venv/bin/python}
runs=${RUNS:-runs/studies}
osteon="$python -m osteon"
export OMP_NUM_THREADS=1

[ -d "$runs/cohort" ] || $osteon cohort import spider "$data/spine-mri" -o "$runs/cohort"
$osteon cohort split "$runs/cohort" --test 14 --validation 7 --seed 3
$python recipes/studies_split.py "$runs/cohort" -o "$runs/split.json"
# nnU-Net takes up to a minute of a CPU for a scan: every second test subject
$python recipes/studies_split.py "$runs/cohort" --every 2 -o "$runs/split-every-2.json"

study() {
  name=$1
  split=$2
  shift 2
  # 1: some arms failed, which their page says; the other studies go on
  $osteon study run "$name" "$runs/cohort" --split "$runs/$split.json" --config recipes/studies.toml \
    -o "$runs/$name" --resume "$@" || [ $? -eq 1 ]
}

study architectures split-every-2 --budget 24
study transfer split --budget 14
study pretrained-vs-random split --budget 6 --weights "$data/weights/mobilenetv2_imagenet_bn_folded.npz"
study losses split-every-2 --budget 4
study input-size split-every-2 --budget 2.4
study labels-needed split-every-2 --budget 7
study backbones split-every-2 --budget 4
study learning-rates split-every-2 --budget 4
study cost split
$python recipes/few_minutes_trials.py "$runs/cohort" --split "$runs/split.json" -o "$runs/few-minutes"
$python recipes/discs_leave_one_out.py "$runs/cohort" -o "$runs/discs" --resume
