// Curves of a training, drawn as SVG: loss, and Dice of each class on the validation subjects.

import type { Row } from "./api";
import { h } from "./dom";

const WIDTH = 560;
const HEIGHT = 250;
const LEFT = 44;
const BOTTOM = 26;
const COLOURS = ["#0f9f90", "#e08a00", "#3b82f6", "#d946ef", "#84a30b", "#ef4444", "#8b5cf6", "#64748b", "#14b8a6", "#a16207"];
const SVG = "http://www.w3.org/2000/svg";

interface Curve {
  name: string;
  points: [number, number][];
}

function svg(tag: string, attributes: Record<string, string | number>, text = ""): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.textContent = text;
  return element;
}

export function curvesOf(folds: Row[][]): HTMLElement {
  const pick = (key: string, name: string): Curve[] =>
    folds.map((rows, n) => ({
      name: folds.length > 1 ? `${name}, fold ${n + 1}` : name,
      points: rows.flatMap((row) => (typeof row[key] === "number" && typeof row["epoch"] === "number" ? [[row["epoch"], row[key]] as [number, number]] : [])),
    }));
  const classes = [...new Set(folds.flatMap((rows) => Object.keys(rows[0] ?? {}).filter((key) => key.startsWith("dice_"))))];
  const dice = folds.length > 1 ? pick("f1", "mean") : classes.flatMap((key) => pick(key, key.replace("dice_", "")));
  return h("div", { class: "curves" }, chart("Loss: how wrong the network is", [...pick("train_loss", "training"), ...pick("loss", "validation")], null), chart("Dice on the validation subjects", dice, 1));
}

/** One chart; `top` is the end of the axis, or null for the largest value. */
function chart(title: string, curves: Curve[], top: number | null): HTMLElement {
  const points = curves.flatMap((curve) => curve.points);
  const last = Math.max(2, ...points.map(([epoch]) => epoch));
  const highest = top ?? Math.max(0.1, ...points.map(([, value]) => value));
  const x = (epoch: number): number => LEFT + ((epoch - 1) / (last - 1)) * (WIDTH - LEFT - 12);
  const y = (value: number): number => HEIGHT - BOTTOM - (value / highest) * (HEIGHT - BOTTOM - 12);
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
  for (let n = 0; n <= 4; n++) {
    const value = (highest * n) / 4;
    drawing.append(svg("line", { x1: LEFT, x2: WIDTH - 12, y1: y(value), y2: y(value), class: "grid" }), svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(2)));
  }
  drawing.append(svg("text", { x: LEFT, y: HEIGHT - 6 }, "epoch 1"), svg("text", { x: WIDTH - 12, y: HEIGHT - 6, "text-anchor": "end" }, `epoch ${last}`));
  curves.forEach((curve, n) => {
    const stroke = COLOURS[n % COLOURS.length] ?? "#888888";
    const [only] = curve.points;
    if (curve.points.length === 1 && only) drawing.append(svg("circle", { cx: x(only[0]), cy: y(only[1]), r: 3, fill: stroke }));
    drawing.append(svg("polyline", { points: curve.points.map(([epoch, value]) => `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`).join(" "), fill: "none", stroke, "stroke-width": 2 }));
  });
  const names = h("p", { class: "names" });
  curves.forEach((curve, n) => {
    const key = h("i", {});
    key.style.background = COLOURS[n % COLOURS.length] ?? "#888888";
    const latest = curve.points.at(-1)?.[1];
    names.append(h("span", {}, key, `${curve.name}${latest === undefined ? "" : ` ${latest.toFixed(3)}`}`));
  });
  return h("figure", { class: "chart" }, h("figcaption", {}, title), drawing as unknown as HTMLElement, names);
}
