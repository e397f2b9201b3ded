"""Build leg templates for synthesis from the label maps and surfaces of the development data.

usage: python recipes/leg_templates.py DATA -o FOLDER [--spacing 2] [--only NAME ...]

DATA holds pelvis-thigh-labels/ and leg-shapes/. Writes FOLDER/<name>/ for each body, as
`osteon.synthesis.templates.load_bodies` reads them. The hip bones of the Visible Human bodies are fitted from ct-1 and
ct-2, so hold out ct-3 and ct-4 for a test that shares no anatomy, or a Visible Human body together with its donor.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from osteon.io import read
from osteon.io.surface import Surface, read_ply
from osteon.synthesis.body import Body
from osteon.synthesis.templates import Fat, body_from_labels, body_from_surfaces, write_body
from osteon.synthesis.templates.completion import carried, mirrored, refitted_shaft, replaced
from osteon.synthesis.templates.pelvis import fitted_pelvis

Surfaces = dict[str, Surface]

CT = {"ct-1": "001", "ct-2": "002", "ct-3": "004", "ct-4": "005"}
"""Bodies of label maps of CT, and the subjects they come from."""


@dataclass(frozen=True)
class Person:
    """A body of surfaces: prefix of its files, whose hip bones it gets, whose femora, and its fat."""

    source: str
    prefix: str
    pelvis_of: str
    fat: Fat
    femur_of: str | None = None


FEMALE_FAT, MALE_FAT = Fat(5, 5, 9, 16, 22), Fat(4, 4, 6, 9, 13)
FEMALE, MALE = "visible-human-female", "visible-human-male"
PEOPLE = {
    FEMALE: Person(FEMALE, "vhf", "ct-1", FEMALE_FAT),
    MALE: Person(MALE, "vhm", "ct-2", MALE_FAT),
    f"{FEMALE}-femur-2": Person(FEMALE, "vhf", "ct-1", Fat(4, 4, 6, 8, 12), "2008_0019"),
    f"{MALE}-femur-2": Person(MALE, "vhm", "ct-2", Fat(5, 6, 9, 14, 20), "2008_1342"),
    f"{FEMALE}-femur-3": Person(FEMALE, "vhf", "ct-1", Fat(6, 7, 14, 26, 34), "2008_1489"),
    f"{MALE}-femur-3": Person(MALE, "vhm", "ct-2", Fat(3, 3, 4, 5, 8), "2008_1461"),
}
"""Bodies of the Visible Human: as they are, and with other people's femora and other fat."""


def main() -> None:
    """Parse, build, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--spacing", type=float, default=2.0, help="voxel edge in mm")
    parser.add_argument("--only", nargs="+", choices=[*CT, *PEOPLE], help="names of the bodies to build")
    arguments = parser.parse_args()
    for name in arguments.only or [*CT, *PEOPLE]:
        build = ct_body if name in CT else surface_body
        write_body(build(arguments.data, name, arguments.spacing), arguments.out)


@cache
def ct_body(data: Path, name: str, spacing_mm: float) -> Body:
    """Pelvis and thighs of one subject of ``pelvis-thigh-labels``."""
    folder = data / "pelvis-thigh-labels"
    rows = [line.split("\t") for line in (folder / "labels.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    meanings = {int(value): meaning for value, meaning in rows}
    stem = folder / f"pelvic-ref-{CT[name]}"
    return body_from_labels(
        read(f"{stem}_labels.nii.gz"), read(f"{stem}_body.nii.gz"), meanings, name=name, spacing_mm=spacing_mm
    )


def surface_body(data: Path, name: str, spacing_mm: float) -> Body:
    """Legs and pelvis of one of the Visible Human bodies."""
    person = PEOPLE[name]
    surfaces = read_surfaces(data, person.prefix)
    add_mirrored_muscles(surfaces)
    if "left_bone_tibia" not in surfaces:
        add_tibiae(surfaces, read_surfaces(data, "vhf"))
    fit_femora(surfaces, data, person.femur_of)
    surfaces |= fitted_pelvis(ct_body(data, person.pelvis_of, spacing_mm), surfaces)
    return body_from_surfaces(surfaces, person.fat, name=name, source=person.source, spacing_mm=spacing_mm)


def read_surfaces(data: Path, prefix: str) -> Surfaces:
    """Surfaces of one body by side, kind and name, such as ``left_bone_tibia``, slips of spelling mended."""
    slips = {"tibial_medial": "tibia_medial", "longus.": "long.", "short_head": "short", "quadratis": "quadratus"}
    found = {}
    for path in sorted((data / "leg-shapes" / "visible-human").glob(f"{prefix}_*.ply")):
        name = path.name
        for slip, right in slips.items():
            if "biceps" in name or "longus" not in slip:
                name = name.replace(slip, right)
        name = name.removeprefix(f"{prefix}_").removesuffix(".ply").replace("femur_fitted", "femur")
        found[name.replace("tendonosus", "tendinosus").replace("hallicus", "hallucis")] = read_ply(path)
    return found


def add_mirrored_muscles(surfaces: Surfaces) -> None:
    """Muscles that were drawn on the left side alone."""
    left, right = surfaces["left_bone_femur"], surfaces["right_bone_femur"]
    for name in [n for n in surfaces if n.startswith("left_muscle_")]:
        partner = name.replace("left", "right", 1)
        if partner not in surfaces:
            surfaces[partner] = mirrored(surfaces[name], left, right)


def add_tibiae(surfaces: Surfaces, donor: Surfaces) -> None:
    """Tibiae of another body, fitted to fibula, talus and the cartilage of both ends."""
    names = ("bone_fibula", "bone_talus", "cartilage_tibia_medial", "cartilage_tibia_lateral", "cartilage_tibia_distal")
    for side in ("right", "left"):
        shared = [(donor[f"{side}_{name}"], surfaces[f"{side}_{name}"]) for name in names]
        surfaces[f"{side}_bone_tibia"] = carried(donor[f"{side}_bone_tibia"], shared)


def fit_femora(surfaces: Surfaces, data: Path, femur_of: str | None) -> None:
    """Shafts that fill the room between the muscles, of the own femora or of another person's left one."""
    for side in ("right", "left"):
        femur = surfaces[f"{side}_bone_femur"]
        if femur_of is not None:
            other = read_ply(data / "leg-shapes" / "femora" / f"{femur_of}_left_bone_femur.ply")
            ends = [surfaces[f"{side}_cartilage_femur_{end}"] for end in ("head", "distal")]
            femur = replaced(other, [femur, *ends], mirror=side == "right")
        muscles = [s for name, s in surfaces.items() if name.startswith(f"{side}_muscle_")]
        surfaces[f"{side}_bone_femur"] = refitted_shaft(femur, muscles)


if __name__ == "__main__":
    main()
