// The queue of work: asked for while anything is going on, so that a reload of the page loses nothing.

import { get, post, type Job } from "./api";
import { attempt, duration, h, show } from "./dom";

const BUSY_MS = 600;
const IDLE_MS = 4000;
/** Work that a dialog waits for and shows itself. */
const UNSEEN: Job["kind"][] = ["glance", "inspect", "masks-look"];
const TRAININGS: Job["kind"][] = ["train", "crossval", "finetune", "study"];

export function isOver(job: Job): boolean {
  return job.state !== "waiting" && job.state !== "running";
}

/** Waits for a job; its error is thrown in its own words. */
export async function whenOver(id: string): Promise<Job> {
  for (;;) {
    const job = await get<Job>(`/api/jobs/${id}`);
    if (job.state === "failed") throw new Error(job.error);
    if (isOver(job)) return job;
    await new Promise((done) => window.setTimeout(done, BUSY_MS));
  }
}

export class Jobs {
  private timer = 0;
  private seen = new Map<string, string>();
  private ended = false;

  constructor(
    private readonly place: HTMLElement,
    private readonly changed: (jobs: Job[]) => void,
    private readonly idle = "Nothing is being done.",
  ) {
    void this.ask();
  }

  /** Ask at once, because something was started. */
  soon(): void {
    window.clearTimeout(this.timer);
    void this.ask();
  }

  end(): void {
    this.ended = true;
    window.clearTimeout(this.timer);
  }

  private async ask(): Promise<void> {
    let wait = IDLE_MS;
    try {
      const jobs = await get<Job[]>("/api/jobs");
      if (this.ended) return;
      this.draw(jobs.filter((job) => !UNSEEN.includes(job.kind)));
      if (jobs.some((job) => this.seen.get(job.id) !== job.state)) this.changed(jobs);
      this.seen = new Map(jobs.map((job) => [job.id, job.state]));
      if (jobs.some((job) => !isOver(job))) wait = BUSY_MS;
    } catch {
      show(this.place, h("p", { class: "problem" }, "The app does not answer. Start it again in its terminal; saved work is safe."));
    }
    if (!this.ended) this.timer = window.setTimeout(() => void this.ask(), wait);
  }

  private draw(jobs: Job[]): void {
    const waiting = jobs.filter((job) => job.state === "waiting").reverse();
    const running = jobs.filter((job) => job.state === "running");
    const over = jobs.filter(isOver);
    show(
      this.place,
      h("div", { class: "row" }, h("h2", {}, "Work"), h("span", { class: "space" }), over.length > 0 && this.clearing()),
      jobs.length === 0 && h("p", { class: "quiet" }, this.idle),
      ...[...running, ...waiting, ...over].map((job) => this.card(job)),
    );
  }

  private clearing(): HTMLElement {
    const clear = (): void => void attempt(() => post("/api/jobs/clear")).then(() => this.soon());
    return h("button", { class: "plain", title: "Take what is over off this list; results stay", click: clear }, "Tidy up");
  }

  private card(job: Job): HTMLElement {
    const cancel = (): void => void attempt(() => post(`/api/jobs/${job.id}/cancel`)).then(() => this.soon());
    const bar = h("progress", { max: 1, value: job.share, "aria-label": job.title });
    const left = job.seconds_left === null ? "" : `, about ${duration(job.seconds_left)} left`;
    const words = {
      waiting: job.stage || "waiting",
      running: `${job.stage.replace(`${job.case}: `, "")}${left}`,
      done: `done in ${duration(job.seconds)}`,
      failed: "not done",
      cancelled: "cancelled",
    }[job.state];
    return h(
      "section",
      { class: `job ${job.state}`, "data-job": job.id },
      h("div", { class: "row" }, h("strong", {}, job.title), h("span", { class: "space" }), !isOver(job) && h("button", { class: "plain", click: cancel }, "Cancel")),
      h("p", { class: "quiet" }, job.kind === "segment" ? `${job.result}: ${words}` : words),
      job.state === "running" && bar,
      job.error !== "" && h("p", { class: "problem" }, job.error),
      ...job.warnings.slice(0, 3).map((warning) => h("p", { class: "warning" }, warning)),
      job.state === "done" && job.kind === "cohort" && h("a", { href: "#/data" }, "See the training data"),
      TRAININGS.includes(job.kind) && job.state !== "waiting" && h("a", { href: `#/training/${encodeURIComponent(job.result)}` }, "Watch it"),
      job.state === "done" && job.case !== "" && h("a", { href: `#/case/${encodeURIComponent(job.case)}/${encodeURIComponent(job.result)}` }, "Look at it"),
    );
  }
}
