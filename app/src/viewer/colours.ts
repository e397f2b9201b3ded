// What labels look like: colours of structures and of differences, as the picture takes them.

import type { NVImage } from "@niivue/niivue";
import type { Structure } from "../api";

/** NIFTI_INTENT_LABEL (nifti1.h): without it the viewer takes values for brightness, and paints the background, too. */
const LABELS = 1002;

export const DIFFERENCES: Structure[] = [
  { name: "only in the first", value: 1, colour: "#f59e0b", side: "" },
  { name: "only in the second", value: 2, colour: "#38bdf8", side: "" },
  { name: "another structure", value: 3, colour: "#e879f9", side: "" },
];

export const rgb = (colour: string): [number, number, number] => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)) as [number, number, number];

/** Gives each structure its colour; those that are hidden are clear. */
export function colourLabels(labels: NVImage, structures: Structure[], hidden: Set<string>): void {
  if (labels.hdr) labels.hdr.intent_code = LABELS;
  const seen = structures.map((s) => ({ ...s, rgb: rgb(s.colour), alpha: hidden.has(s.name) ? 0 : 255 }));
  labels.setColormapLabel({
    R: [0, ...seen.map((s) => s.rgb[0])],
    G: [0, ...seen.map((s) => s.rgb[1])],
    B: [0, ...seen.map((s) => s.rgb[2])],
    A: [0, ...seen.map((s) => s.alpha)],
    I: [0, ...seen.map((s) => s.value)],
    labels: ["", ...seen.map((s) => s.name)],
  } as never);
}
