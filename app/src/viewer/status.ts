// Under the picture: slice numbers to read and to type, and what is at the crosshair.

import { h } from "../dom";
import type { Stage } from "./stage";
import type { Place } from "./voxels";

const AXES: ["Sagittal" | "Coronal" | "Axial", 0 | 1 | 2, string][] = [
  ["Sagittal", 0, "Numbered from 1 at the patient's left"],
  ["Coronal", 1, "Numbered from 1 at the back"],
  ["Axial", 2, "Numbered from 1 at the lower end"],
];

export function statusBar(stage: Stage): HTMLElement {
  const fields = AXES.map(([name, axis, title]) => {
    const field = h("input", { type: "number", min: 1, class: "slice", title, "aria-label": `${name} slice` });
    const of = h("span", { class: "quiet" });
    field.addEventListener("change", () => stage.goToVoxel(axis, Number(field.value) - 1));
    return { name, field, of, axis, element: h("label", { class: "row" }, name, field, of) };
  });
  const where = h("output", { class: "where", title: "Place of the crosshair: R right, A anterior, S superior, in mm; then the scan's value" });
  const what = h("output", { class: "what" });
  stage.moved = (place: Place) => {
    for (const { field, of, axis } of fields) {
      if (document.activeElement !== field) field.value = String(place.voxel[axis] + 1);
      field.max = String(stage.counts[axis]);
      of.textContent = `of ${stage.counts[axis]}`;
    }
    const [x, y, z] = place.mm;
    where.textContent = `R ${x.toFixed(1)}  A ${y.toFixed(1)}  S ${z.toFixed(1)} mm   value ${place.intensity.toFixed(0)}`;
    what.textContent = stage.structures.find((s) => s.value === place.label)?.name ?? "";
  };
  return h("div", { class: "status row" }, ...fields.map((f) => f.element), h("span", { class: "space" }), what, where);
}
