// A label map from a file as another result of this case: a reference to compare with, or labels to correct.

import { get, post, put, type Case, type Job, type Model } from "../api";
import { attempt, h, say } from "../dom";
import { isOver } from "../jobs";

const ASK_MS = 700;

export function addLabels(about: Case, added: (result: string) => void): HTMLElement {
  const file = h("input", { type: "file", accept: ".gz,.nii,.mha,.nrrd", class: "unseen", tabindex: -1, "aria-hidden": "true" });
  const task = h("select", { id: "task", title: "What the values in the file mean" });
  void attempt(() => get<Model[]>("/api/models")).then((models) => {
    for (const name of new Set((models ?? []).map((m) => m.task))) task.append(h("option", { value: name }, name));
    const known = about.results.at(-1)?.task;
    if (known) task.value = known;
  });
  file.addEventListener("change", () => {
    const chosen = file.files?.[0];
    if (!chosen) return;
    void attempt(async () => {
      const name = freeName(about);
      say("Taking the label map ...");
      const { id } = await post<{ id: string }>("/api/uploads");
      await put(`/api/uploads/${id}/file?name=${encodeURIComponent(chosen.name)}`, chosen);
      const job = await post<Job>(`/api/uploads/${id}/labels`, { case: about.name, name, task: task.value });
      await over(job.id);
      added(name);
    });
  });
  return h(
    "section",
    {},
    h("h3", {}, "Labels from a file"),
    h("p", { class: "quiet" }, "A reference to compare with, or masks of your own. They must lie on this scan's grid."),
    h("div", { class: "row" }, task, file, h("button", { click: () => file.click() }, "Choose a file")),
  );
}

async function over(id: string): Promise<void> {
  for (;;) {
    const job = await get<Job>(`/api/jobs/${id}`);
    if (job.error) throw new Error(job.error);
    if (isOver(job)) return;
    await new Promise((done) => window.setTimeout(done, ASK_MS));
  }
}

function freeName(about: Case): string {
  const taken = new Set(about.results.map((r) => r.name));
  for (let n = 1; ; n++) {
    const name = n === 1 ? "reference" : `reference-${n}`;
    if (!taken.has(name)) return name;
  }
}
