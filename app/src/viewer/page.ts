// The page of one case: the picture in the middle, one panel at a time beside it.

import { caseAt, get, type Case, type Job, type Result } from "../api";
import { attempt, h, say, show } from "../dom";
import { CorrectPanel } from "./correct";
import { addMasks, masksButton } from "./masks";
import { checkOrientation } from "./orientation";
import { filesOf } from "../drop";
import { comparePanel, measurePanel, savePanel } from "./results";
import { Stage, type Layout } from "./stage";
import { statusBar } from "./status";
import { lookPanel } from "./structures";

type Panel = "look" | "correct" | "measure" | "compare" | "save";

const PANELS: [Panel, string][] = [
  ["look", "Look"],
  ["correct", "Correct"],
  ["measure", "Measure"],
  ["compare", "Compare"],
  ["save", "Save"],
];
const LAYOUTS: [Layout, string][] = [
  ["planes", "Three planes"],
  ["axial", "Axial"],
  ["coronal", "Coronal"],
  ["sagittal", "Sagittal"],
  ["solid", "3-D"],
];
const COMPLETE_MS = 1500;

export async function viewerPage(main: HTMLElement, name: string, wanted: string | undefined): Promise<() => void> {
  const about = await attempt(() => get<Case>(caseAt(name)));
  if (!about) {
    show(main, h("article", { class: "text" }, h("p", {}, h("a", { href: "#/" }, "Back to the scans"))));
    return () => undefined;
  }
  const page = new ViewerPage(main, about, about.results.find((r) => r.name === wanted) ?? about.results.at(-1) ?? null);
  void attempt(() => page.open());
  return () => page.leave();
}

class ViewerPage {
  private readonly canvas = h("canvas", { id: "stage", "aria-label": "Slices and surfaces of the scan" });
  private readonly loading = h("p", { class: "loading", role: "status" }, "Opening the scan ...");
  private readonly panel = h("div", { class: "panel" });
  private readonly wide = h("div", { class: "wide hidden" });
  private readonly tabs = h("div", { class: "tabs", role: "tablist" });
  private readonly layouts = h("div", { class: "layouts" });
  private readonly stage: Stage;
  private readonly correct: CorrectPanel;
  private shown: Panel = "look";
  private timer = 0;
  private whole = false;
  private refreshed: () => void = () => undefined;

  constructor(
    main: HTMLElement,
    private about: Case,
    private result: Result | null,
  ) {
    this.stage = new Stage(this.canvas, about);
    const status = statusBar(this.stage);
    this.correct = new CorrectPanel(this.panel, this.stage, about, (made) => void attempt(() => this.reload(made)));
    show(
      main,
      h(
        "div",
        { class: "viewer" },
        h("aside", { class: "side" }, this.heading(), this.tabs, this.panel),
        h("section", { class: "middle" }, this.layouts, h("div", { class: "canvas" }, this.canvas, this.loading), status, this.wide),
      ),
    );
    this.drawLayouts();
    document.addEventListener("keydown", this.key);
    this.takeDrops();
  }

  /** Masks and surfaces that are dropped on the picture. */
  private takeDrops(): void {
    const frame = this.canvas.parentElement;
    if (!frame) return;
    const over = (on: boolean) => (event: DragEvent) => {
      event.preventDefault();
      frame.classList.toggle("over", on);
    };
    frame.addEventListener("dragover", over(true));
    frame.addEventListener("dragleave", over(false));
    frame.addEventListener("drop", (event) => {
      over(false)(event);
      const { dataTransfer } = event;
      if (dataTransfer) void attempt(async () => addMasks(this.about, await filesOf(dataTransfer), (made) => this.taken(made)));
    });
  }

  async open(): Promise<void> {
    await this.stage.open(this.whole);
    await this.stage.showResult(this.result, this.whole);
    this.loading.remove();
    this.choose(this.shown);
    if (this.isThinned && !this.whole) this.offerWhole();
    this.waitForSurfaces();
  }

  leave(): void {
    window.clearTimeout(this.timer);
    document.removeEventListener("keydown", this.key);
    this.stage.close();
  }

  private get isThinned(): boolean {
    return this.about.steps.some((step) => step > 1);
  }

  private heading(): HTMLElement {
    const results = h("select", { id: "result", title: "Which result is shown" });
    for (const one of this.about.results) results.append(h("option", { value: one.name, selected: one.name === this.result?.name }, one.name));
    results.addEventListener("change", () => {
      this.show(results.value);
    });
    const size = `${this.about.shape.join(" × ")} voxels of ${this.about.spacing_mm.map((s) => s.toFixed(2)).join(" × ")} mm`;
    return h("div", { class: "heading" }, h("a", { href: "#/" }, "‹ Scans"), h("h1", {}, this.about.name), h("p", { class: "quiet" }, size), this.about.results.length > 0 && results);
  }

  private drawTabs(): void {
    const tab = ([id, label]: [Panel, string]): HTMLElement =>
      h("button", { role: "tab", "aria-selected": String(id === this.shown), disabled: id !== "look" && !this.result, click: () => this.choose(id) }, label);
    show(this.tabs, ...PANELS.map(tab));
  }

  private drawLayouts(): void {
    const button = ([id, label]: [Layout, string], n: number): HTMLElement =>
      h("button", { "aria-pressed": String(this.stage.layout === id), title: `${label} (${n + 1})`, click: () => this.setLayout(id) }, label);
    const beside = h("button", { "aria-pressed": String(this.stage.isSideBySide), title: "The scan alone beside the scan with its labels (B)", click: () => this.setSideBySide() }, "Side by side");
    const check = h("button", { class: "plain", title: "Right, left, front, back, head and feet, as the scan's header has them", click: () => checkOrientation(this.about, this.result) }, "Check orientation");
    show(this.layouts, ...LAYOUTS.map(button), beside, h("span", { class: "space" }), check);
  }

  private setSideBySide(): void {
    void attempt(() => this.stage.setSideBySide(!this.stage.isSideBySide)).then(() => this.drawLayouts());
  }

  private setLayout(layout: Layout): void {
    this.stage.setLayout(layout);
    this.drawLayouts();
  }

  private choose(panel: Panel): void {
    if (panel === "correct" && this.stage.isSideBySide) this.setSideBySide(); // painting moves one picture only
    if (this.shown === "correct" && panel !== "correct") {
      if (this.correct.isUnsaved && !confirm("What you painted is not saved. Throw it away?")) return;
      this.correct.close();
    }
    const wasCompared = this.shown === "compare" && panel !== "compare";
    this.shown = panel;
    this.drawTabs();
    this.wide.classList.toggle("hidden", panel !== "measure" && panel !== "compare");
    show(this.wide);
    if (wasCompared) void attempt(() => this.stage.showResult(this.result, this.whole)).then(() => this.fill(panel));
    else this.fill(panel);
  }

  private fill(panel: Panel): void {
    const { result, about, stage } = this;
    if (panel === "look" || !result) this.refreshed = lookPanel(this.panel, stage, result?.complete ?? false);
    else if (panel === "correct") this.openCorrect(result);
    else if (panel === "measure") measurePanel(this.panel, this.wide, about, result);
    else if (panel === "compare") comparePanel(this.panel, this.wide, about, result, stage);
    else savePanel(this.panel, about, result, stage);
    if (panel === "look" || panel === "compare") this.panel.append(masksButton(about, (made) => this.taken(made)));
  }

  private openCorrect(result: Result): void {
    if (!this.isThinned || this.whole) return this.correct.open(result);
    show(this.panel, h("p", {}, "This scan is shown thinned. Correcting needs every voxel."), h("button", { class: "primary", click: () => this.loadWhole("correct") }, "Load every voxel"));
  }

  private offerWhole(): void {
    const button = h("button", { class: "plain", title: "Slower on machines with little graphics memory", click: () => this.loadWhole(this.shown) }, "Load every voxel");
    this.layouts.append(h("span", { class: "quiet" }, `shown thinned, every ${this.about.steps.join(", ")} voxels`), button);
  }

  private loadWhole(then: Panel): void {
    this.whole = true;
    this.shown = then === "correct" ? "look" : then;
    void attempt(() => this.open()).then(() => {
      this.drawLayouts();
      this.choose(then);
    });
  }

  private async reload(made: string): Promise<void> {
    this.correct.close();
    this.shown = "look";
    this.about = await get<Case>(caseAt(this.about.name));
    this.show(made);
  }

  /** Masks have become a result: show it, unless the user has gone elsewhere meanwhile. */
  private taken(made: string): void {
    if (location.hash.startsWith(`#/case/${encodeURIComponent(this.about.name)}`)) this.show(made);
  }

  private show(result: string): void {
    location.hash = `#/case/${encodeURIComponent(this.about.name)}/${encodeURIComponent(result)}`;
  }

  /** The surfaces and measurements of a corrected version are made by a job; take them when they are there. */
  private waitForSurfaces(): void {
    if (!this.result || this.result.complete) return;
    this.timer = window.setTimeout(() => {
      void attempt(async () => {
        const [about, jobs] = await Promise.all([get<Case>(caseAt(this.about.name)), get<Job[]>("/api/jobs")]);
        const now = about.results.find((r) => r.name === this.result?.name);
        const failed = jobs.find((j) => j.case === about.name && j.result === now?.name && j.state === "failed");
        if (failed) return say(failed.error, "error");
        if (!now?.complete) return this.waitForSurfaces();
        this.about = about;
        this.result = now;
        if (this.shown === "correct" || this.shown === "compare") return;
        await this.stage.showResult(now, this.whole);
        this.choose(this.shown);
        say("Surfaces, measurements and report are there.");
      });
    }, COMPLETE_MS);
  }

  private readonly key = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    if (target.matches("input[type=text], input[type=number], select")) return;
    if (this.shown === "correct" && this.correct.key(event)) return event.preventDefault();
    const layout = LAYOUTS[Number(event.key) - 1];
    if (layout && !event.ctrlKey && !event.altKey) return this.setLayout(layout[0]);
    if (event.key === "o") this.stage.outlined = !this.stage.outlined;
    else if (event.key === "l") this.stage.setSeen(this.stage.seen === "scan" ? "both" : "scan");
    else if (event.key === "b") return this.setSideBySide();
    else return;
    this.stage.repaint();
    this.refreshed();
  };
}
