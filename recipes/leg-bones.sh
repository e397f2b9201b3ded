#!/bin/sh
# The model leg-bones, from anatomy to weights. OSTEON_DATA names the folder that holds leg-shapes/ and pelvis-thigh-labels/.
# Every step that was finished is kept: run it again after an interruption, and training goes on where it stopped.
set -eu
data=${OSTEON_DATA:-../shared/data}
bin=${BIN:-.venv/bin}
runs=${RUNS:-runs}

templates() { # FOLDER NAME...: templates that are not there yet
    folder=$1
    shift
    for name in "$@"; do
        [ -f "$folder/$name/body.toml" ] || "$bin/python" recipes/leg_templates.py "$data" -o "$folder" --only "$name"
    done
}
templates "$runs/templates" ct-1 ct-2 ct-3 visible-human-female visible-human-female-femur-2 visible-human-female-femur-3
# Never trained on. ct-4 shares nothing with the others; the man's hip bones come from ct-2 and his tibia from the woman's.
templates "$runs/templates-held-out" ct-4 visible-human-male
[ -d "$runs/bodies" ] || "$bin/osteon" phantom bodies --count 24 --seed 1 -o "$runs/bodies"
[ -d "$runs/legs-spider" ] || "$bin/osteon" phantom make --task leg-bones --count 5 --seed 7 -o "$runs/legs-spider"
[ -d "$runs/legs" ] || "$bin/osteon" cohort import spider "$runs/legs-spider" -o "$runs/legs" --task leg-bones
"$bin/osteon" cohort split "$runs/legs" --validation 4 --seed 0
"$bin/osteon" train "$runs/legs" --also "$runs/bodies" --also "$runs/templates" --config recipes/leg-bones.toml -o "$runs/leg-bones" --resume
"$bin/python" recipes/leg_test_set.py "$runs/leg-bones/model" --bodies "$runs/templates-held-out" -o "$runs/leg-bones/test"
