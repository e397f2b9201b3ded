// The panels for numbers: measurements, comparison with another result, files to take along.

import { caseAt, get, resultAt, type Case, type Comparison, type Result, type Table } from "../api";
import { attempt, h, show } from "../dom";
import type { Stage } from "./stage";

function tableOf(table: Table, caption: string): HTMLElement {
  const head = table.columns.map((name, n) => h("th", { scope: "col" }, name, table.units[n] ? h("span", { class: "unit" }, ` (${table.units[n] ?? ""})`) : ""));
  const rows = table.rows.map((row) => h("tr", {}, ...row.map((cell, n) => (n === 0 ? h("th", { scope: "row" }, cell) : h("td", {}, cell)))));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows)));
}

/** Only columns that a person asks for first; the file has all. */
function main(table: Table): Table {
  const kept = table.columns.map((name, n) => ({ name, n })).filter(({ name }) => !/^(Label|Side|Centroid|Extent|Border|Touches)/.test(name));
  const of = <T>(list: T[]): T[] => kept.map(({ n }) => list[n]).filter((v): v is T => v !== undefined);
  return { columns: of(table.columns), units: of(table.units), rows: table.rows.map(of) };
}

/** The table of agreement in the words of this page: of the two results, none is the truth. */
function compared(table: Table, first: string, second: string): Table {
  const status = table.columns.indexOf("Status");
  const plain = table.rows.every((row) => row[status] === "defined");
  const words = new Map([["Volume predicted", `Volume, ${first}`], ["Volume reference", `Volume, ${second}`], ["Volume error", "Difference"], ["Iou", "IoU"]]);
  const kept = table.columns.map((_, n) => n).filter((n) => !(plain && n === status));
  return { columns: kept.map((n) => words.get(table.columns[n] ?? "") ?? table.columns[n] ?? ""), units: kept.map((n) => table.units[n] ?? ""), rows: table.rows.map((row) => kept.map((n) => row[n] ?? "")) };
}

export function measurePanel(place: HTMLElement, wide: HTMLElement, about: Case, result: Result): void {
  const at = resultAt(about.name, result.name);
  show(
    place,
    h("p", { class: "quiet" }, "Volumes and lengths follow the scan's own voxel size. A structure that touches the edge of the scan may be cut off; only the part inside is measured."),
    result.complete
      ? h("div", { class: "links" }, h("a", { class: "button", href: `${at}/report.html`, target: "_blank", rel: "noopener" }, "Open the report"), h("a", { class: "button", href: `${at}/measurements.csv`, download: "" }, "Save as CSV"))
      : h("p", { class: "warning" }, "The measurements are still being made."),
  );
  void attempt(async () => {
    const table = await get<Table>(`${at}/measurements`);
    show(wide, tableOf(main(table), `Measurements of ${about.name}`));
  });
}

export function comparePanel(place: HTMLElement, wide: HTMLElement, about: Case, result: Result, stage: Stage): void {
  const others = about.results.filter((r) => r.name !== result.name && r.task === result.task);
  if (others.length === 0) {
    show(place, h("p", { class: "quiet" }, "There is nothing to compare with yet: segment this scan with another model, save a correction, or add labels from a file."));
    return;
  }
  const other = h("select", { id: "other" }, ...others.map((r) => h("option", { value: r.name }, r.name)));
  const jump = h("button", { disabled: true }, "Go to the largest difference");
  const words = h("p", { class: "quiet" });
  const compare = (): void =>
    void attempt(async () => {
      await stage.showDifference(result.name, other.value);
      stage.outlined = false;
      stage.repaint();
      const query = `first=${encodeURIComponent(result.name)}&second=${encodeURIComponent(other.value)}`;
      const found = await get<Comparison>(`${caseAt(about.name)}/compare?${query}`);
      show(wide, tableOf(compared(found.table, result.name, other.value), "Agreement"));
      const worst = found.worst_mm;
      jump.disabled = worst === null;
      jump.onclick = () => worst && stage.goToMm(worst);
      words.textContent = worst ? `The largest difference is ${found.depth_mm.toFixed(1)} mm thick.` : "They agree in every voxel.";
    });
  other.addEventListener("change", compare);
  show(
    place,
    h("div", { class: "row" }, h("label", { for: "other" }, "Compare with"), other),
    h("p", { class: "legend" }, h("i", { class: "first" }), `only in ${result.name}`, h("br"), h("i", { class: "second" }), "only in the other", h("br"), h("i", { class: "third" }), "another structure"),
    jump,
    words,
  );
  compare();
}

const PROGRAMS: [string, string, string][] = [
  ["nifti", "Labels (NIfTI)", "On the scan's own grid"],
  ["slicer", "3D Slicer", "A segmentation with names and colours (.seg.nrrd)"],
  ["itk-snap", "ITK-SNAP", "Names and colours, to go with the NIfTI labels"],
  ["dicom-seg", "DICOM-SEG", "For DICOM viewers; it stands alone, without the patient's identity"],
  ["ply", "Surfaces (PLY)", "RAS, mm"],
  ["stl", "Surfaces (STL)", "RAS, mm"],
];

export function savePanel(place: HTMLElement, about: Case, result: Result, stage: Stage): void {
  const at = resultAt(about.name, result.name);
  show(
    place,
    h("div", { class: "links" }, h("a", { class: "button primary", href: `${at}/all.zip`, download: "" }, "Everything as one zip")),
    h("h3", {}, "For other programs"),
    h("div", { class: "links" }, ...PROGRAMS.map(([id, name, title]) => h("a", { class: "button", href: `${at}/export/${id}`, title, download: "" }, name))),
    h("h3", {}, "Picture"),
    h("button", { click: () => void stage.picture(`${about.name}-${result.name}.png`), title: "What is shown now, as PNG" }, "Save the view as PNG"),
    result.changes.length > 0 && h("h3", {}, "History"),
    h("ul", { class: "history" }, ...result.changes.map((c) => h("li", {}, `${c.when.slice(0, 16).replace("T", " ")}: ${c.structure}, +${c.added_cm3.toFixed(2)} −${c.removed_cm3.toFixed(2)} cm³`))),
  );
}
