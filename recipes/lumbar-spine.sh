#!/bin/sh
# The model lumbar-spine, from data to weights: vertebrae, discs and canal, in any contrast. OSTEON_DATA names the folder
# that holds spine-mri/. Every step that was finished is kept: run it again after an interruption.
set -eu
data=${OSTEON_DATA:-../shared/data}
osteon=${OSTEON:-.venv/bin/osteon}
runs=${RUNS:-runs}

[ -d "$runs/cohort" ] || "$osteon" cohort import spider "$data/spine-mri" -o "$runs/cohort"
# the split of lumbar-vertebrae, so that both models are tested on the same subjects and neither has seen them
"$osteon" cohort split "$runs/cohort" --test 14 --validation 7 --seed 3
[ -d "$runs/spines-spider" ] ||
    "$osteon" phantom make --task lumbar-spine --contrast any --count 54 --seed 300 -o "$runs/spines-spider"
[ -d "$runs/spines" ] || "$osteon" cohort import spider "$runs/spines-spider" -o "$runs/spines"
"$osteon" train "$runs/cohort" --also "$runs/spines" --config recipes/lumbar-spine.toml -o "$runs/lumbar-spine" --resume
.venv/bin/python recipes/test_fold.py "$runs/cohort" "$runs/lumbar-spine/model" -o "$runs/lumbar-spine/test"
# no real scan has a labelled canal: it is tested on phantoms of other seeds, in any contrast
[ -d "$runs/spines-test-spider" ] ||
    "$osteon" phantom make --task lumbar-spine --contrast any --count 12 --seed 700 -o "$runs/spines-test-spider"
[ -d "$runs/spines-test" ] || "$osteon" cohort import spider "$runs/spines-test-spider" -o "$runs/spines-test"
"$osteon" cohort split "$runs/spines-test" --test 11 --validation 0
.venv/bin/python recipes/test_fold.py "$runs/spines-test" "$runs/lumbar-spine/model" -o "$runs/lumbar-spine/test-phantoms"
