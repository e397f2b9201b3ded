// Training data: cohorts of this workspace, made of its cases and their labels, checked, and divided by subject.

import { get, post, type Case, type Cohort, type Study } from "./api";
import { attempt, counted, h, show } from "./dom";
import { Jobs } from "./jobs";
import { freeName } from "./names";

export function dataPage(main: HTMLElement): () => void {
  const cohorts = h("div", { class: "list" });
  const making = h("section", { class: "panel-box" });
  const study = h("section", {});
  const work = h("aside", { class: "work", "aria-label": "Work" });
  const load = (): void =>
    void attempt(async () => {
      const found = await get<Cohort[]>("/api/cohorts");
      show(cohorts, found.length === 0 && h("p", { class: "quiet" }, "None yet. Make one below from scans whose labels you have looked at and corrected."), ...found.map((one) => cohortCard(one, load)));
    });
  const jobs = new Jobs(work, load);
  show(
    main,
    h(
      "div",
      { class: "scans" },
      h(
        "section",
        {},
        h("div", {}, h("h1", {}, "Training data"), h("p", { class: "quiet" }, "A cohort is a set of scans with labels that a model learns from, divided by subject: no subject is learned from and judged by.")),
        cohorts,
        study,
        making,
      ),
      work,
    ),
  );
  load();
  void attempt(async () => offerStudy(study, await get<Study | null>("/api/study"), () => jobs.soon()));
  void attempt(async () => {
    const [cases, made] = await Promise.all([get<Case[]>("/api/cases"), get<Cohort[]>("/api/cohorts")]);
    makeForm(making, cases, made.map((one) => one.name), () => jobs.soon());
  });
  return () => jobs.end();
}

function cohortCard(one: Cohort, changed: () => void): HTMLElement {
  if (one.problem) return h("section", { class: "entry", "data-cohort": one.name }, h("strong", {}, one.name), h("p", { class: "problem" }, one.problem));
  const sides = one.folds === 0 ? "not divided yet" : one.folds === 1 ? `${one.training} to learn from, ${one.validation} to judge by` : `${one.folds} folds for a cross-validation`;
  const verdict = one.errors === null ? "not checked here" : one.errors ? `${counted(one.errors, "error")} to mend before training` : one.warnings ? `${counted(one.warnings, "warning")} to look at` : "nothing found wrong";
  const folds = h("input", { type: "number", min: 1, max: 100, value: Math.max(1, one.folds), "aria-label": "Folds", title: "1 for a training; more for a cross-validation" });
  const judged = h("input", { type: "number", min: 0, max: 1000, value: Math.max(1, one.validation), "aria-label": "Subjects to judge by", title: "Subjects of each fold by which the best epoch is chosen" });
  const divide = (): void =>
    void attempt(async () => {
      await post(`/api/cohorts/${encodeURIComponent(one.name)}/split`, { folds: Number(folds.value), validation: Number(judged.value) });
      changed();
    });
  return h(
    "section",
    { class: "entry", "data-cohort": one.name },
    h(
      "div",
      { class: "row" },
      h("strong", {}, one.name),
      h("span", { class: "quiet" }, `${one.task}, ${counted(one.cases.length, "scan")} of ${counted(one.subjects, "subject")}, ${sides}`),
      h("span", { class: "space" }),
      one.errors !== null && h("a", { class: "button", href: `/api/cohorts/${encodeURIComponent(one.name)}/check.html`, target: "_blank", rel: "noopener" }, "Check page"),
      h("a", { class: "button primary", href: `#/training/new/${encodeURIComponent(one.name)}` }, "Train"),
    ),
    h("p", { class: one.errors ? "problem" : "quiet" }, verdict),
    h("details", {}, h("summary", {}, "Divide anew"), h("div", { class: "row" }, h("label", { class: "row" }, "Folds", folds), h("label", { class: "row" }, "Subjects to judge by", judged), h("button", { click: divide }, "Divide"))),
    ...one.dropped.slice(0, 5).map((reason) => h("p", { class: "warning" }, `Left out: ${reason}`)),
  );
}

function offerStudy(place: HTMLElement, study: Study | null, started: () => void): void {
  if (!study || study.cases.length === 0) return;
  const begin = (): void =>
    void attempt(async () => {
      await post("/api/jobs/study", { name: "study", folds: 1, validation: Math.max(1, Math.round(study.cases.length / 5)) });
      started();
    });
  show(
    place,
    h(
      "div",
      { class: "entry offer" },
      h("strong", {}, "This folder is laid out as the leg study's"),
      h("p", {}, `${counted(study.cases.length, "scan")} with masks found: ${study.cases.slice(0, 4).join(", ")}${study.cases.length > 4 ? ", ..." : "."}`),
      ...study.notes.slice(0, 3).map((note) => h("p", { class: "quiet" }, note)),
      study.dropped.length > 0 && h("p", { class: "quiet" }, `Left out: ${counted(study.dropped.length, "file")}, for reasons that the check names.`),
      h("button", { class: "primary", click: begin }, "Take them over as cases and as a cohort"),
    ),
  );
}

/** One line a case: whether it is taken, which labels are its truth, and whose scan it is. */
function makeForm(place: HTMLElement, cases: Case[], taken: string[], started: () => void): void {
  const labelled = cases.filter((one) => one.results.length > 0);
  const corrected = (one: Case): string => [...one.results].reverse().find((r) => r.made_by !== "model")?.name ?? "";
  const name = h("input", { type: "text", id: "cohort-name", value: freeName("corrected", taken), maxlength: 80 });
  const judged = h("input", { type: "number", id: "judged", min: 0, max: 1000, value: Math.max(1, Math.round(labelled.length / 5)) });
  const folds = h("input", { type: "number", id: "folds", min: 1, max: 100, value: 1, title: "1 for a training; more for a cross-validation" });
  const rows = labelled.map((one) => {
    const tick = h("input", { type: "checkbox", checked: corrected(one) !== "", "aria-label": `Take ${one.name}` });
    const result = h("select", { "aria-label": `Labels of ${one.name}` }, ...one.results.map((r) => h("option", { value: r.name }, r.made_by === "model" ? `${r.name} (not corrected)` : r.name)));
    result.value = corrected(one) || (one.results.at(-1)?.name ?? "");
    const subject = h("input", { type: "text", value: one.name, maxlength: 80, "aria-label": `Subject of ${one.name}` });
    return { one, tick, result, subject, element: h("tr", { "data-case": one.name }, h("td", {}, tick), h("th", { scope: "row" }, one.name), h("td", {}, result), h("td", {}, subject)) };
  });
  const make = (): void =>
    void attempt(async () => {
      const chosen = rows.filter((row) => row.tick.checked).map((row) => ({ case: row.one.name, result: row.result.value, subject: row.subject.value.trim() }));
      if (chosen.length === 0) throw new Error("Choose at least one scan.");
      await post("/api/jobs/cohort", { name: name.value.trim(), cases: chosen, folds: Number(folds.value), validation: Number(judged.value) });
      started();
    });
  show(
    place,
    h("h2", {}, "Make a cohort of corrected scans"),
    labelled.length === 0
      ? h("p", { class: "quiet" }, "No scan has labels yet. Segment and correct some, or add masks to them, first.")
      : h(
          "div",
          {},
          h("p", { class: "quiet" }, "A model that learns from its own uncorrected results learns its own mistakes: take scans that you looked at. Scans of one person get one subject's name."),
          h("div", { class: "scroll" }, h("table", { class: "choosing" }, h("thead", {}, h("tr", {}, h("th", {}), h("th", { scope: "col" }, "Scan"), h("th", { scope: "col" }, "Labels"), h("th", { scope: "col" }, "Subject"))), h("tbody", {}, ...rows.map((row) => row.element)))),
          h("div", { class: "row settings" }, h("label", { class: "row" }, "Name", name), h("label", { class: "row" }, "Subjects to judge by", judged), h("label", { class: "row" }, "Folds", folds), h("span", { class: "space" }), h("button", { class: "primary", click: make }, "Make the cohort")),
        ),
  );
}
