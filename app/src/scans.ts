// The page of scans: add, choose, segment; what is going on stands beside it.

import { caseAt, get, post, type Case, type Model } from "./api";
import { addScans, dropOn } from "./drop";
import { attempt, counted, h, show } from "./dom";
import { Jobs } from "./jobs";
import { askWhereLegsBegin } from "./legs";

/** What a person chooses as speed, and what that is for the command line. */
const SPEEDS: { words: string; title: string; how: Record<string, string | number> }[] = [
  { words: "usual", title: "As fast as this machine can without a loss", how: {} },
  { words: "thorough", title: "The network looks five times at each slice, a few pixels apart: five times as long", how: { looks: 5 } },
  { words: "plain PyTorch", title: "32 bits, without OpenVINO: slower; to compare with other machines", how: { engine: "torch", precision: "fp32" } },
];

export function scansPage(main: HTMLElement): () => void {
  const chosen = new Set<string>();
  let cases: Case[] = [];
  const grid = h("div", { class: "cards" });
  const bar = h("div", { class: "action" });
  const work = h("aside", { class: "work", "aria-label": "Work" });
  const heading = h("div", { class: "row" });

  const draw = (): void => {
    for (const name of [...chosen]) if (!cases.some((one) => one.name === name)) chosen.delete(name);
    const all = h("button", { class: "plain" }, chosen.size === cases.length ? "Choose none" : "Choose all");
    all.addEventListener("click", () => {
      if (chosen.size === cases.length) chosen.clear();
      else for (const one of cases) chosen.add(one.name);
      draw();
    });
    show(heading, h("h1", {}, "Scans"), h("span", { class: "quiet" }, cases.length ? counted(cases.length, "scan") : ""), h("span", { class: "space" }), cases.some((one) => one.results.length > 0) && h("a", { class: "button plain", href: "/api/everything.zip", download: "", title: "Every result of every scan as one zip" }, "Save all results"), cases.length > 0 && all);
    show(grid, ...cases.map((one) => card(one, chosen, draw)));
    bar.classList.toggle("hidden", chosen.size === 0);
    const count = bar.querySelector(".count");
    if (count) count.textContent = counted(chosen.size, "scan");
  };
  const load = (): Promise<void> =>
    attempt(() => get<Case[]>("/api/cases")).then((found) => {
      cases = found ?? cases;
      draw();
    });
  const jobs = new Jobs(work, () => void load(), "Nothing yet. Choose scans on the left, then a model below them.");
  const add = (files: File[]): void =>
    void attempt(() => addScans(files, cases.map((one) => one.name.toLowerCase()), () => jobs.soon()));

  show(main, h("div", { class: "scans" }, h("section", {}, heading, dropZone(add), grid, bar), work));
  void load();
  void attempt(() => get<Model[]>("/api/models")).then((models) => {
    if (models) show(bar, ...segmenting(models, chosen, () => cases, () => jobs.soon()));
    draw();
  });
  return () => jobs.end();
}

function dropZone(add: (files: File[]) => void): HTMLElement {
  const pick = (folder: boolean): HTMLElement => {
    const input = h("input", { type: "file", multiple: true, class: "unseen", tabindex: -1, "aria-hidden": "true" });
    if (folder) input.webkitdirectory = true;
    input.addEventListener("change", () => add([...(input.files ?? [])]));
    return h("span", {}, input, h("button", { click: () => input.click() }, folder ? "Choose a folder" : "Choose files"));
  };
  const zone = h(
    "div",
    { class: "drop" },
    h("div", {}, h("strong", {}, "Drop scans here"), h("p", { class: "quiet" }, "A DICOM folder, a zip archive of one, or NIfTI, MHA and NRRD files")),
    h("span", { class: "space" }),
    pick(true),
    pick(false),
  );
  dropOn(zone, add);
  return zone;
}

function card(one: Case, chosen: Set<string>, changed: () => void): HTMLElement {
  const latest = one.results.at(-1);
  const state = one.problem || (latest ? { model: `segmented: ${latest.name}`, hand: "corrected by hand", file: `labels: ${latest.name}` }[latest.made_by] : "not segmented");
  const tick = h("input", { type: "checkbox", checked: chosen.has(one.name), "aria-label": `Choose ${one.name}` });
  tick.addEventListener("change", () => {
    if (tick.checked) chosen.add(one.name);
    else chosen.delete(one.name);
    changed();
  });
  const size = `${one.shape.join(" × ")} voxels of ${one.spacing_mm.map((s) => s.toFixed(2)).join(" × ")} mm`;
  const place = `#/case/${encodeURIComponent(one.name)}${latest ? `/${encodeURIComponent(latest.name)}` : ""}`;
  return h(
    "section",
    { class: `card ${chosen.has(one.name) ? "chosen" : ""}`, "data-case": one.name },
    h("a", { href: place, class: "picture", title: `Look at ${one.name}` }, !one.problem && h("img", { src: `${caseAt(one.name)}/thumbnail.png`, alt: `Middle slice of ${one.name}`, loading: "lazy" })),
    h("div", { class: "row" }, tick, h("a", { href: place, class: "title", title: size }, one.name)),
    h("p", { class: `state ${latest ? "ready" : ""} ${one.problem ? "problem" : ""}` }, state),
  );
}

function segmenting(models: Model[], chosen: Set<string>, cases: () => Case[], started: () => void): HTMLElement[] {
  const model = h("select", { id: "model" }, ...models.map((m) => h("option", { value: m.name }, m.name)));
  const about = h("p", { class: "quiet about" });
  const speed = h("select", { id: "speed", title: "How much work is put into each scan" }, ...SPEEDS.map((one, n) => h("option", { value: n, title: one.title }, one.words)));
  const where = h("input", { type: "checkbox", id: "where" });
  const whereLabel = h("label", { class: "row", title: "A line is proposed for each scan, which you can move" }, where, "Say where the legs begin");
  const explain = (): void => {
    const one = models.find((m) => m.name === model.value);
    about.textContent = one ? `${one.title}. ${one.licence}.` : "";
    whereLabel.classList.toggle("hidden", !one?.of_legs);
  };
  model.addEventListener("change", explain);
  explain();
  const start = h("button", { class: "primary" }, "Segment");
  start.addEventListener("click", () =>
    void attempt(async () => {
      const again = cases().filter((c) => chosen.has(c.name) && c.results.some((r) => r.name === model.value));
      const overwrite = again.length > 0;
      if (overwrite && !confirm(`${again.length} of these have a result of ${model.value} already. Replace it? Corrected versions stay.`)) return;
      const lines: Record<string, number> = {};
      if (where.checked && models.find((m) => m.name === model.value)?.of_legs) {
        for (const name of chosen) {
          const line = await askWhereLegsBegin(name);
          if (line === undefined) return;
          if (line !== null) lines[name] = line;
        }
      }
      await post("/api/jobs/segment", { cases: [...chosen], model: model.value, ...SPEEDS[Number(speed.value)]?.how, overwrite, from_slice: lines });
      chosen.clear();
      started();
    }),
  );
  return [
    h("div", { class: "row" }, h("strong", { class: "count" }), h("label", { for: "model" }, "Model"), model, h("label", { for: "speed" }, "Speed"), speed, whereLabel, h("span", { class: "space" }), start),
    about,
  ];
}
