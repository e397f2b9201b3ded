// Trainings: begun with a form of the configuration's own schema, watched, their pages opened.

import { get, post, type Cohort, type Model, type Row, type Run, type Way } from "./api";
import { curvesOf } from "./curves";
import { attempt, h, show } from "./dom";
import { SchemaForm, type Schema } from "./form";
import { Jobs } from "./jobs";

const WATCH_MS = 2000;
const WAYS: [Way, string, string][] = [
  ["finetune", "Fine-tune a model", "It goes on learning from your corrected scans, gently. The right choice for few scans."],
  ["train", "Train a new model", "From nothing, with a model's settings or plain ones. Needs tens of subjects, and hours."],
  ["crossval", "Cross-validate", "A training for each fold: every subject is judged by a network that never saw it. As many times as long."],
  ["study", "Run a study", "An experiment of the literature on your cohort: arms that differ in one thing, tested on the same subjects."],
];
const FIRST: [string, string][] = [
  ["epochs", "Epochs at most"],
  ["steps", "Steps of an epoch"],
  ["batch", "Crops of a step"],
  ["optimiser.learning_rate", "Learning rate"],
  ["network.name", "Network"],
  ["seed", "Seed"],
];
const LEFT = ["name", "start", "encoder"];
const STATES = { waiting: "waiting", running: "running", done: "done", stopped: "stopped" };

export function trainingPage(main: HTMLElement, name: string | undefined, cohort: string | undefined): () => void {
  const left = h("section", {});
  const work = h("aside", { class: "work", "aria-label": "Work" });
  show(main, h("div", { class: "scans" }, left, work));
  if (name === "new") {
    const jobs = new Jobs(work, () => undefined);
    void attempt(() => newTraining(left, cohort ?? ""));
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
  const words = [STATES[run.state], run.cohort && `cohort ${run.cohort}`, `${run.epochs} epochs`, run.dice !== null && `best validation Dice ${run.dice.toFixed(3)}`].filter(Boolean).join(", ");
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
    words.textContent = `${STATES[run.state]}${run.kind === "study" ? "" : `, ${run.epochs} epochs done`}${run.dice === null ? "" : `, best validation Dice ${run.dice.toFixed(3)}`}.${run.model ? ` The model ${name} can be chosen on the page of scans.` : ""}`;
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

async function newTraining(place: HTMLElement, wanted: string): Promise<void> {
  const [cohorts, models] = await Promise.all([get<Cohort[]>("/api/cohorts"), get<Model[]>("/api/models")]);
  const usable = cohorts.filter((one) => !one.problem);
  if (usable.length === 0) {
    show(place, h("h1", {}, "Begin a training"), h("p", {}, "There is no training data yet. ", h("a", { href: "#/data" }, "Make a cohort"), " of corrected scans first."));
    return;
  }
  const cohort = h("select", { id: "cohort" }, ...usable.map((one) => h("option", { value: one.name }, one.name)));
  if (usable.some((one) => one.name === wanted)) cohort.value = wanted;
  const model = h("select", { id: "base" });
  const modelLabel = h("span", {});
  const about = h("p", { class: "quiet" });
  const name = h("input", { type: "text", id: "run-name", maxlength: 60, title: "Small letters, digits and dashes" });
  const settings = h("div", {});
  const studies = await get<{ name: string; question: string }[]>("/api/training/studies");
  const study = h("select", { id: "study" }, ...studies.map((one) => h("option", { value: one.name, title: one.question }, one.name)));
  const minutes = h("input", { type: "number", id: "minutes", min: 1, value: 60, title: "Of training, shared by the arms; leave it empty to train for the epochs" });
  const question = h("p", { class: "quiet" });
  const studyRow = h("div", { class: "row settings hidden" }, h("label", { class: "row" }, "Study", study), h("label", { class: "row" }, "Minutes in all", minutes), question);
  const askQuestion = (): void => void (question.textContent = studies.find((one) => one.name === study.value)?.question ?? "");
  study.addEventListener("change", askQuestion);
  askQuestion();
  const begin = h("button", { class: "primary", disabled: true }, "Begin");
  const way = (): Way => (place.querySelector<HTMLInputElement>("input[name=way]:checked")?.value ?? "finetune") as Way;
  let form: SchemaForm | null = null;

  const offer = (): void => {
    const task = usable.find((one) => one.name === cohort.value)?.task;
    const fitting = models.filter((one) => one.task === task);
    show(model, way() !== "finetune" && h("option", { value: "" }, "plain settings"), ...fitting.map((one) => h("option", { value: one.name }, one.name)));
    modelLabel.textContent = way() === "finetune" ? "Model to begin with" : "Settings of";
    about.textContent = WAYS.find(([id]) => id === way())?.[2] ?? "";
    name.value = way() === "finetune" ? `${model.value || "model"}-${cohort.value}`.toLowerCase().replace(/[^a-z0-9-]+/g, "-").slice(0, 60) : `${cohort.value}-${{ train: "model", crossval: "folds", study: "study", finetune: "" }[way()]}`.toLowerCase().replace(/[^a-z0-9-]+/g, "-");
    studyRow.classList.toggle("hidden", way() !== "study");
    void attempt(ask);
  };
  const ask = async (): Promise<void> => {
    begin.disabled = true;
    form = null;
    show(settings, h("p", { class: "quiet" }, "Fetching the settings ..."));
    const query = new URLSearchParams({ kind: way(), cohort: cohort.value, model: model.value });
    try {
      const found = await get<{ description: Schema; values: Record<string, unknown> }>(`/api/training/form?${query.toString()}`);
      const fixed = way() === "finetune" ? ["network", "preprocessing"] : [];
      form = new SchemaForm(found.description, found.values, FIRST.filter(([path]) => !fixed.includes(path.split(".")[0] ?? "")), [...LEFT, ...fixed]);
      show(settings, form.element);
      begin.disabled = false;
    } catch (error) {
      show(settings, h("p", { class: "problem" }, error instanceof Error ? error.message : String(error)));
    }
  };
  begin.addEventListener("click", () =>
    void attempt(async () => {
      await post("/api/jobs/train", { kind: way(), name: name.value.trim(), cohort: cohort.value, model: model.value, settings: form?.changed() ?? {}, ...(way() === "study" ? { study: study.value, minutes: Number(minutes.value) || null } : {}) });
      location.hash = `#/training/${encodeURIComponent(name.value.trim())}`;
    }),
  );
  for (const input of [cohort, model]) input.addEventListener("change", () => (input === cohort ? offer() : void attempt(ask)));
  show(
    place,
    h("a", { href: "#/training" }, "‹ Training"),
    h("h1", {}, "Begin a training"),
    h("div", { class: "ways" }, ...WAYS.map(([id, label], n) => h("label", { class: "row" }, h("input", { type: "radio", name: "way", value: id, checked: n === 0, change: offer }), label))),
    about,
    h("div", { class: "row settings" }, h("label", { class: "row" }, "Cohort", cohort), h("label", { class: "row" }, modelLabel, model), h("label", { class: "row" }, "Name", name)),
    studyRow,
    settings,
    h("div", { class: "row" }, begin, h("span", { class: "quiet" }, "Trainings wait for one another, not for the segmenting of scans. One that is stopped can go on.")),
  );
  offer();
}
