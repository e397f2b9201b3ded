// The row above the picture: which planes are seen, side by side, orientation, and whether every voxel is there.

import { h, show } from "../dom";
import type { Layout, Stage } from "./stage";

export const LAYOUTS: [Layout, string][] = [
  ["planes", "Three planes"],
  ["axial", "Axial"],
  ["coronal", "Coronal"],
  ["sagittal", "Sagittal"],
  ["solid", "3-D"],
];

export interface Asked {
  layout: (layout: Layout) => void;
  beside: () => void;
  orientation: () => void;
  whole: () => void;
}

/** Draws the row; `steps` are those of a thinned scan, null where every voxel is shown. */
export function layoutBar(place: HTMLElement, stage: Stage, steps: number[] | null, asked: Asked): void {
  const button = ([id, label]: [Layout, string], n: number): HTMLElement =>
    h("button", { "aria-pressed": String(stage.layout === id), title: `${label} (${n + 1})`, click: () => asked.layout(id) }, label);
  show(
    place,
    ...LAYOUTS.map(button),
    h("button", { "aria-pressed": String(stage.isSideBySide), title: "The scan alone beside the scan with its labels (B)", click: asked.beside }, "Side by side"),
    h("span", { class: "space" }),
    steps && h("span", { class: "quiet thinned", title: `Of each axis every ${steps.join(", ")} voxels are shown, so that the picture is there soon` }, "thinned"),
    steps && h("button", { class: "plain", title: "Slower on machines with little graphics memory", click: asked.whole }, "Load every voxel"),
    h("button", { class: "plain", title: "Right, left, front, back, head and feet, as the scan's header has them", click: asked.orientation }, "Check orientation"),
  );
}
