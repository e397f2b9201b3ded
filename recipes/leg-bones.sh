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
bodies() { # SEED OPTION...: built-in bodies that are not there yet
    seed=$1
    shift
    [ -d "$runs/bodies-$seed" ] || "$bin/osteon" phantom bodies --seed "$seed" "$@" -o "$runs/bodies-$seed"
}
for seed in 1 2 3; do bodies $seed --count 24; done
# Every second body is an adult: without more children the network takes their cartilage for bone.
bodies 4 --count 14 --ages 4 9
bodies 5 --count 10 --ages 6 16
[ -d "$runs/legs-spider" ] || "$bin/osteon" phantom make --task leg-bones --count 5 --seed 7 -o "$runs/legs-spider"
[ -d "$runs/legs" ] || "$bin/osteon" cohort import spider "$runs/legs-spider" -o "$runs/legs" --task leg-bones
"$bin/osteon" cohort split "$runs/legs" --validation 4 --seed 0
train() { # RECIPE: the run has its name
    "$bin/osteon" train "$runs/legs" --also "$runs/bodies-1" --also "$runs/bodies-2" --also "$runs/bodies-3" \
        --also "$runs/bodies-4" --also "$runs/bodies-5" --also "$runs/templates" \
        --config "recipes/$1.toml" -o "$runs/$1" --resume
}
train leg-bones-first
train leg-bones
held_out="$runs/templates-held-out"
"$bin/python" recipes/leg_confidence.py "$runs/leg-bones/model" --bodies "$runs/bodies-1" "$runs/templates" \
    --held-out "$held_out" -o "$runs/leg-bones/confidence"
# with the extra int8
"$bin/osteon" models quantise "$runs/leg-bones/model" "$runs/legs" --bodies "$runs/bodies-1" --bodies "$runs/templates"
"$bin/python" recipes/leg_test_set.py "$runs/leg-bones/model" --bodies "$held_out" -o "$runs/leg-bones/test"
"$bin/python" recipes/leg_test_set.py "$runs/leg-bones/model" --bodies "$held_out" -o "$runs/leg-bones/test-fine" --fine
"$bin/python" recipes/leg_finetune.py "$runs/leg-bones/model" --held-out "$held_out" -o "$runs/leg-bones/finetune"
"$bin/python" recipes/leg_ablation.py "$runs/legs" --bodies "$runs/bodies-1" --templates "$runs/templates" \
    --held-out "$held_out" -o "$runs/leg-bones/ablation"
