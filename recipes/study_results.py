"""Pages of docs/results from the folders of finished studies: tables and figure as the studies wrote them.

The text between ``<!-- results:begin -->`` and ``<!-- results:end -->`` of each page is replaced; what people wrote
around it stays.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
from pathlib import Path

from osteon.io.whole import written_whole
from osteon.run import RECORD
from osteon.study import STUDIES, StudyPaths

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"


def processor() -> str:
    """Name of this machine's processor."""
    info = Path("/proc/cpuinfo")
    if info.is_file() and (found := re.search(r"model name\s*: (.+)", info.read_text(encoding="utf-8"))):
        return found[1]
    return platform.processor() or platform.machine()


def results(paths: StudyPaths) -> str:
    """Tables of a study without its title, with the machine and versions."""
    _, _, body = paths.summary.read_text(encoding="utf-8").partition("\n\n")
    body = body.replace(f"{paths.folder.resolve()}/", "")  # reasons of failures name files
    record = json.loads((paths.folder / RECORD).read_text(encoding="utf-8"))
    versions = record["versions"]
    facts = (
        f"- Machine: {processor()}; Osteon {versions['osteon']}, torch {versions['torch']}; {record['started'][:10]}"
    )
    picture = f"![The arms, drawn.](images/{paths.folder.name}.png)"
    return f"{body.strip()}\n\n{facts}\n\n{picture}"


def page(old: str, title: str, new: str) -> str:
    """A page with new results between its marks; with marks at its end, if it has none."""
    if BEGIN not in old:
        old = f"{old.strip() or '# ' + title}\n\n{BEGIN}\n{END}\n"
    before, _, rest = old.partition(BEGIN)
    return f"{before}{BEGIN}\n{new}\n{END}{rest.partition(END)[2]}"


def contents(folder: Path) -> str:
    """All studies with their pages, for the index."""
    rows = ["| study | question | page |", "|---|---|---|"]
    for name, study in STUDIES.items():
        there = (folder / f"{name}.md").is_file()
        rows.append(f"| `{name}` | {study.question} | {f'[{study.title}]({name}.md)' if there else 'not run yet'} |")
    return "\n".join(rows)


def write(path: Path, title: str, new: str) -> None:
    """Put new results into a page."""
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    with written_whole(path) as part:
        part.write_text(page(old, title, new), encoding="utf-8")


def main() -> None:
    """Write a page for each study that is in a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", type=Path, help="Folder with a folder of each study, named as the study.")
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results"))
    given = parser.parse_args()
    for name, study in STUDIES.items():
        paths = StudyPaths(given.studies / name)
        if not (paths.folder / RECORD).is_file():
            continue
        write(given.out / f"{name}.md", study.title, results(paths))
        if paths.figure.is_file():
            (given.out / "images").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(paths.figure, given.out / "images" / f"{name}.png")
    write(given.out / "index.md", "Results", contents(given.out))


if __name__ == "__main__":
    main()
