// The page of one case: the picture in the middle, one panel at a time beside it.

import { caseAt, get, type Case, type Result } from "../api";
import { attempt, h, say, show } from "../dom";
import { dropOn } from "../drop";
import { whenComplete } from "./completing";
import { CorrectPanel } from "./correct";
import { LAYOUTS, layoutBar } from "./layouts";
import { addMasks, masksButton } from "./masks";
import { checkOrientation } from "./orientation";
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
  private endWaiting: () => void = () => undefined;
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
    document.addEventListener("keydown", this.key, true); // before the viewer, which takes none
    // masks and surfaces that are dropped on the picture
    if (this.canvas.parentElement) dropOn(this.canvas.parentElement, (files) => void attempt(() => addMasks(about, files, (made) => this.taken(made))));
  }

  async open(): Promise<void> {
    this.endWaiting();
    await this.stage.open(this.whole);
    await this.stage.showResult(this.result, this.whole);
    this.loading.remove();
    this.choose(this.shown);
    this.drawLayouts();
    if (this.result) this.endWaiting = whenComplete(this.about, this.result, (about, result) => this.completed(about, result));
  }

  leave(): void {
    this.endWaiting();
    document.removeEventListener("keydown", this.key, true);
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
    layoutBar(this.layouts, this.stage, this.isThinned && !this.whole ? this.about.steps : null, {
      layout: (layout) => this.setLayout(layout),
      beside: () => this.setSideBySide(),
      orientation: () => checkOrientation(this.about, this.result),
      whole: () => this.loadWhole(this.shown),
    });
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

  private loadWhole(then: Panel): void {
    this.whole = true;
    this.shown = then === "correct" ? "look" : then;
    void attempt(() => this.open()).then(() => this.choose(then));
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

  /** Surfaces, measurements and report of a corrected version are there. */
  private async completed(about: Case, result: Result): Promise<void> {
    this.about = about;
    this.result = result;
    if (this.shown === "correct" || this.shown === "compare") return;
    await this.stage.showResult(result, this.whole);
    this.choose(this.shown);
    say("Surfaces, measurements and report are there.");
  }

  private readonly key = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    if (target.matches("input[type=text], input[type=number], input[type=range], select") || document.querySelector("dialog[open]")) return;
    if (!event.ctrlKey && !event.altKey && !target.matches("input, [role=tab]") && this.stage.step(event.key)) return event.preventDefault();
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
