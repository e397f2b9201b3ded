// The panel for looking: labels, structures, brightness.

import { h, show, swatch } from "../dom";
import type { Seen, Stage } from "./stage";

export function lookPanel(place: HTMLElement, stage: Stage, hasSurface: boolean): () => void {
  const SEEN: [Seen, string, string][] = [
    ["both", "Both", "Labels over the scan (L takes them away)"],
    ["scan", "Scan", "The scan alone"],
    ["labels", "Labels", "The labels alone"],
  ];
  const choices = SEEN.map(([id, words, title]) => {
    const choice = h("input", { type: "radio", name: "seen", value: id, checked: stage.seen === id });
    choice.addEventListener("change", () => stage.setSeen(id));
    return { choice, element: h("label", { class: "row", title }, choice, words) };
  });
  const outlines = h("input", { type: "checkbox", checked: stage.outlined });
  const opacity = h("input", { type: "range", min: 0.05, max: 1, step: 0.05, value: stage.opacity, id: "opacity" });
  const apply = (): void => {
    stage.outlined = outlines.checked;
    stage.opacity = Number(opacity.value);
    stage.repaint();
  };
  for (const input of [outlines, opacity]) input.addEventListener("input", apply);
  show(
    place,
    h("h3", {}, "Labels"),
    stage.labels === undefined
      ? h("p", { class: "quiet" }, "This scan has no labels yet. Segment it on the page of scans.")
      : h(
          "div",
          {},
          h("div", { class: "row wrapped" }, ...choices.map((one) => one.element)),
          h("label", { class: "row", title: "Outlines or filled (O)" }, outlines, "Outlines"),
          h("div", { class: "row" }, h("label", { for: "opacity" }, "Opacity"), opacity),
        ),
    h("h3", {}, "Brightness and contrast"),
    windowing(stage),
    stage.structures.length > 0 && h("h3", {}, "Structures"),
    h("div", { class: "structures" }, ...stage.present.map((s) => structure(stage, s.name, s.colour))),
    hasSurface || stage.labels === undefined ? null : h("p", { class: "quiet" }, "Its surfaces are being made; they appear when the work is done."),
  );
  return () => {
    for (const { choice } of choices) choice.checked = choice.value === stage.seen;
    outlines.checked = stage.outlined;
  };
}

function structure(stage: Stage, name: string, colour: string): HTMLElement {
  const tick = h("input", { type: "checkbox", checked: !stage.hidden.has(name) });
  tick.addEventListener("change", () => {
    if (tick.checked) stage.hidden.delete(name);
    else stage.hidden.add(name);
    stage.repaint();
  });
  return h("label", { class: "structure row" }, tick, swatch(colour), name);
}

/** Two sliders as radiologists name them: level is what becomes mid-grey, window how much lies between black and white. */
function windowing(stage: Stage): HTMLElement {
  const [low, high] = stage.windowed;
  const { global_min: least = 0, global_max: most = 1 } = stage.scan;
  const span = Math.max(most - least, 1e-6);
  const level = h("input", { type: "range", min: least, max: most, step: span / 500, value: (low + high) / 2, id: "level" });
  const width = h("input", { type: "range", min: span / 500, max: span, step: span / 500, value: high - low, id: "window" });
  const shown = h("output", {});
  const apply = (): void => {
    stage.setWindow(Number(level.value) - Number(width.value) / 2, Number(level.value) + Number(width.value) / 2);
    shown.textContent = `window ${Number(width.value).toFixed(0)}, level ${Number(level.value).toFixed(0)}`;
  };
  level.addEventListener("input", apply);
  width.addEventListener("input", apply);
  shown.textContent = `window ${(high - low).toFixed(0)}, level ${((low + high) / 2).toFixed(0)}`;
  const reset = (): void => {
    level.value = String((low + high) / 2);
    width.value = String(high - low);
    apply();
  };
  return h(
    "div",
    { class: "sliders" },
    h("label", { for: "level", title: "What becomes mid-grey, in the scan's own units" }, "Level"),
    level,
    h("label", { for: "window", title: "From black to white, in the scan's own units" }, "Window"),
    width,
    shown,
    h("button", { class: "plain", click: reset }, "Reset"),
  );
}
