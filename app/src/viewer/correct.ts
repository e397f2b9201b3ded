// The panel for corrections.

import { SLICE_TYPE } from "@niivue/niivue";
import { post, resultAt, type Case, type Result } from "../api";
import { attempt, h, say, show, swatch } from "../dom";
import { Painting, type Tool } from "./painting";
import type { Stage } from "./stage";

const LARGEST_BRUSH = 21;

export class CorrectPanel {
  readonly painting: Painting;
  private readonly buttons = new Map<Tool, HTMLButtonElement>();
  private readonly undo = h("button", { title: "Undo (Ctrl+Z)" }, "Undo");
  private readonly redo = h("button", { title: "Redo (Ctrl+Y)" }, "Redo");
  private readonly size = h("input", { type: "range", min: 1, max: LARGEST_BRUSH, step: 2, value: 3, id: "brush" });
  private readonly sizeShown = h("output", { for: "brush" });
  private readonly save = h("button", { class: "primary", disabled: true }, "Save as a new version");

  constructor(
    private readonly place: HTMLElement,
    private readonly stage: Stage,
    private readonly about: Case,
    private readonly saved: (result: string) => void,
  ) {
    this.painting = new Painting(stage);
    this.painting.changed = () => this.update();
  }

  get isUnsaved(): boolean {
    return this.painting.canUndo;
  }

  open(result: Result): void {
    const { painting } = this;
    painting.structure = result.structures[0];
    painting.begin();
    const tool = (name: Tool, label: string, title: string): HTMLElement => {
      const button = h("button", { title, "data-tool": name, click: () => painting.take(name) }, label);
      this.buttons.set(name, button);
      return button;
    };
    const structures = result.structures.map((s, n) =>
      h(
        "label",
        { class: "structure row" },
        h("input", {
          type: "radio",
          name: "painted",
          checked: n === 0,
          change: () => {
            painting.structure = s;
            painting.take(painting.tool);
          },
        }),
        swatch(s.colour),
        s.name,
      ),
    );
    const over = h("input", { type: "checkbox" });
    over.addEventListener("change", () => (painting.overwrites = over.checked));
    this.size.oninput = () => this.setSize(Number(this.size.value));
    this.undo.onclick = () => painting.undo();
    this.redo.onclick = () => painting.redo();
    this.save.onclick = () => void this.store(result);
    show(
      this.place,
      h("p", { class: "quiet" }, `Paint on any slice. Saving makes a new version; ${result.name} stays as it is.`),
      h(
        "div",
        { class: "tools" },
        tool("paint", "Paint", "Paint the chosen structure (P)"),
        tool("fill", "Fill", "Draw an outline; it is closed and filled"),
        tool("erase", "Erase", "Erase the chosen structure only (E)"),
        tool("look", "Look", "Move the crosshair without painting"),
      ),
      h("div", { class: "row" }, h("label", { for: "brush" }, "Brush"), this.size, this.sizeShown),
      h("label", { class: "row", title: "Otherwise only what is no structure yet is painted" }, over, "Paint over other structures"),
      h("div", { class: "row" }, this.undo, this.redo, h("span", { class: "space" }), this.between()),
      h("h3", {}, "Structure"),
      h("div", { class: "structures" }, ...structures),
      this.save,
    );
    this.setSize(painting.size);
    this.update();
  }

  close(): void {
    this.painting.end();
  }

  key(event: KeyboardEvent): boolean {
    const { painting } = this;
    const control = event.ctrlKey || event.metaKey;
    if (control && event.key === "z" && !event.shiftKey) painting.undo();
    else if (control && (event.key === "y" || event.key === "Z" || event.key === "z")) painting.redo();
    else if (event.key === "p") painting.take("paint");
    else if (event.key === "e") painting.take("erase");
    else if (event.key === "[") this.setSize(painting.size - 2);
    else if (event.key === "]") this.setSize(painting.size + 2);
    else return false;
    return true;
  }

  private between(): HTMLElement {
    const planes = { axial: SLICE_TYPE.AXIAL, coronal: SLICE_TYPE.CORONAL, sagittal: SLICE_TYPE.SAGITTAL };
    const fill = (): void =>
      void attempt(async () => {
        const plane = planes[this.stage.layout as keyof typeof planes];
        if (plane === undefined) throw new Error("Choose one plane above the picture first: axial, coronal or sagittal.");
        this.painting.interpolate(plane);
        await Promise.resolve();
      });
    return h("button", { title: "Fill the slices between two that you painted, in the plane that is shown", click: fill }, "Fill between");
  }

  private setSize(size: number): void {
    this.painting.size = Math.min(LARGEST_BRUSH, Math.max(1, size));
    this.size.value = String(this.painting.size);
    this.sizeShown.textContent = `${this.painting.size} voxels`;
    this.painting.take(this.painting.tool);
  }

  private update(): void {
    for (const [name, button] of this.buttons) button.setAttribute("aria-pressed", String(name === this.painting.tool));
    this.undo.disabled = !this.painting.canUndo;
    this.redo.disabled = !this.painting.canRedo;
    this.save.disabled = !this.isUnsaved;
  }

  private async store(result: Result): Promise<void> {
    this.save.disabled = true;
    const made = await attempt(() =>
      post<{ result: string }>(`${resultAt(this.about.name, result.name)}/corrections`, { runs: this.painting.runs() }),
    );
    if (!made) return this.update();
    say(`Saved as ${made.result}. Its surfaces and measurements follow in a moment.`);
    this.saved(made.result);
  }
}
