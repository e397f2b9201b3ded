// Trainings: listed, watched, their pages opened.

import { get, post, type Row, type Run } from "./api";
import { beginTraining } from "./begin";
import { curvesOf } from "./curves";
import { attempt, counted, h, show } from "./dom";
import { Jobs } from "./jobs";

const WATCH_MS = 2000;
const KINDS: Record<Run["kind"], string> = { finetune: "fine-tuning", train: "training", crossval: "cross-validation", study: "study" };
const STATES = { waiting: "waiting", running: "running", done: "done", stopped: "stopped" };

export function trainingPage(main: HTMLElement, name: string | undefined, cohort: string | undefined): () => void {
  const left = h("section", {});
  const work = h("aside", { class: "work", "aria-label": "Work" });
  show(main, h("div", { class: "scans" }, left, work));
  if (name === "new") {
    const jobs = new Jobs(work, () => undefined);
    void attempt(() => beginTraining(left, cohort ?? ""));
    return () => jobs.end();
  }
  if (name !== undefined) return watchRun(left, work, name);
  const list = h("div", { class: "list" });
  show(left, h("div", { class: "row" }, h("h1", {}, "Training"), h("span", { class: "space" }), h("a", { class: "button primary", href: "#/training/new" }, "Begin a training")), list);
  const load = (): void =>
    void attempt(async () => {
      const runs = await get<Run[]>("/api/runs");
      show(list, runs.length === 0 && h("p", { class: "quiet" }, "None yet. Make training data of corrected scans first, then begin a training."), ...runs.map(runEntry));
    });
  const jobs = new Jobs(work, load);
  load();
  return () => jobs.end();
}

function runEntry(run: Run): HTMLElement {
  const words = [KINDS[run.kind], STATES[run.state], run.cohort && `cohort ${run.cohort}`, run.kind !== "study" && counted(run.epochs, "epoch"), run.dice !== null && `best validation Dice ${run.dice.toFixed(3)}`].filter(Boolean).join(", ");
  return h("section", { class: "entry", "data-run": run.name }, h("div", { class: "row" }, h("a", { href: `#/training/${encodeURIComponent(run.name)}` }, h("strong", {}, run.name)), h("span", { class: "quiet" }, words), h("span", { class: "space" }), run.page && pageLink(run.name)));
}

const pageLink = (name: string): HTMLElement => h("a", { class: "button", href: `/api/runs/${encodeURIComponent(name)}/report.html`, target: "_blank", rel: "noopener" }, "Results page");

function watchRun(place: HTMLElement, work: HTMLElement, name: string): () => void {
  const heading = h("div", { class: "row" });
  const words = h("p", { class: "quiet" });
  const drawn = h("div", {});
  const page = h("div", { class: "result" });
  let timer = 0;
  let framed = false;
  show(place, h("a", { href: "#/training" }, "‹ Training"), heading, words, drawn, page);
  const goOn = (): void => void attempt(() => post(`/api/runs/${encodeURIComponent(name)}/go-on`)).then(() => jobs.soon());
  const draw = async (): Promise<void> => {
    const run = (await get<Run[]>("/api/runs")).find((one) => one.name === name);
    if (!run) throw new Error(`There is no training named ${name}.`);
    show(heading, h("h1", {}, name), h("span", { class: "space" }), run.can_go_on && h("button", { click: goOn, title: "After the last epoch that was done" }, "Go on"), run.page && pageLink(name));
    words.textContent = `${STATES[run.state]}${run.kind === "study" ? "" : `, ${counted(run.epochs, "epoch")} done`}${run.dice === null ? "" : `, best validation Dice ${run.dice.toFixed(3)}`}.${run.model ? ` The model ${name} can be chosen on the page of scans.` : ""}`;
    const folds = await get<Row[][]>(`/api/runs/${encodeURIComponent(name)}/curves`).catch(() => []);
    show(drawn, run.kind === "study" ? null : folds.some((rows) => rows.length > 0) ? curvesOf(folds) : h("p", { class: "quiet" }, "Curves appear after the first epoch."));
    if (run.page && !framed) {
      framed = true;
      show(page, h("iframe", { src: `/api/runs/${encodeURIComponent(name)}/report.html`, title: `Results of ${name}`, sandbox: "allow-scripts allow-popups" }));
    }
    if (run.state === "running" || run.state === "waiting" || (run.model && !run.page)) timer = window.setTimeout(() => void attempt(draw), WATCH_MS);
  };
  const jobs = new Jobs(work, () => {
    window.clearTimeout(timer);
    void attempt(draw);
  });
  return () => {
    window.clearTimeout(timer);
    jobs.end();
  };
}
