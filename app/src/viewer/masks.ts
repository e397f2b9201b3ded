// Masks, label maps and surfaces dropped on a case: seen over the scan before anything is taken.

import { get, post, remove, type Case, type Job, type MaskFile, type MasksFound, type Structure, type Task } from "../api";
import { send } from "../drop";
import { attempt, h, say, show } from "../dom";
import { whenOver } from "../jobs";
import { freeName } from "../names";

const KINDS = { surface: "surface", mask: "mask", labels: "label map", "": "" };
const RULES: [string, string][] = [
  ["background", "nobody's"],
  ["priority", "the structure given first"],
  ["nearest", "the nearer structure"],
];

/** The panel's part for it; what is dropped on the picture goes the same way. */
export function masksButton(about: Case, added: (result: string) => void): HTMLElement {
  const file = h("input", { type: "file", multiple: true, class: "unseen", tabindex: -1, "aria-hidden": "true", id: "masks" });
  file.addEventListener("change", () => {
    const chosen = [...(file.files ?? [])];
    file.value = "";
    void attempt(() => addMasks(about, chosen, added));
  });
  return h(
    "section",
    {},
    h("h3", {}, "Masks and surfaces"),
    h("p", { class: "quiet" }, "Drop them on the picture: binary masks, a label map (NIfTI, MHA, NRRD), or surfaces (PLY, STL, OBJ, VTP, VTK)."),
    file,
    h("button", { click: () => file.click() }, "Choose files"),
  );
}

export async function addMasks(about: Case, files: File[], added: (result: string) => void): Promise<void> {
  if (files.length === 0) return;
  const dialog = new MasksDialog(about, await get<Task[]>("/api/tasks"), added);
  await dialog.open(files);
}

class MasksDialog {
  private readonly dialog = h("dialog", { class: "adding masks", "aria-label": "Add masks or surfaces" });
  private readonly status = h("p", { role: "status" }, "Taking the files ...");
  private readonly rows = h("div", { class: "files" });
  private readonly worlds = h("div", { class: "worlds" });
  private readonly accept = h("button", { class: "primary", disabled: true }, "Add to the case");
  private readonly task: HTMLSelectElement;
  private readonly name: HTMLInputElement;
  private readonly overlap = h("select", { id: "overlap" }, ...RULES.map(([value, words]) => h("option", { value }, words)));
  private readonly overlapRow = h("label", { class: "row hidden", title: "Voxels that two masks both claim" }, "Where they overlap, voxels are", this.overlap);
  private id = "";
  private found: MasksFound | null = null;

  constructor(
    private readonly about: Case,
    private readonly tasks: Task[],
    private readonly added: (result: string) => void,
  ) {
    this.task = h("select", { id: "mask-task", title: "Which structures there are" }, ...tasks.map((t) => h("option", { value: t.name }, t.name)));
    this.task.value = about.results.at(-1)?.task ?? this.task.value;
    this.name = h("input", { type: "text", id: "mask-name", maxlength: 80, value: freeName("reference", about.results.map((r) => r.name.toLowerCase())) });
    const close = (): void => this.close();
    show(
      this.dialog,
      h("h2", {}, `Add masks or surfaces to ${about.name}`),
      h("div", { class: "row settings" }, h("label", { class: "row" }, "Structures of", this.task), h("label", { class: "row" }, "Name of the result", this.name), this.overlapRow),
      this.status,
      this.rows,
      this.worlds,
      h("div", { class: "row foot" }, h("span", { class: "quiet" }, "R and L are the patient's: on coronal and axial pictures the right is on the left."), h("span", { class: "space" }), h("button", { click: close }, "Cancel"), this.accept),
    );
    this.dialog.addEventListener("cancel", close);
    this.task.addEventListener("change", () => void attempt(() => this.look()));
    this.accept.addEventListener("click", () => void attempt(() => this.take()));
  }

  async open(files: File[]): Promise<void> {
    document.body.append(this.dialog);
    this.dialog.showModal();
    try {
      this.id = (await post<{ id: string }>("/api/uploads")).id;
      await send(this.id, files, () => undefined);
      await this.look();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  private close(): void {
    this.dialog.remove();
    if (this.id) void remove(`/api/uploads/${this.id}`).catch(() => undefined);
    this.id = "";
  }

  private get structures(): Structure[] {
    return this.tasks.find((t) => t.name === this.task.value)?.structures ?? [];
  }

  private async look(): Promise<void> {
    this.accept.disabled = true;
    this.status.textContent = "Laying them over the scan ...";
    const job = await post<Job>(`/api/uploads/${this.id}/masks/look`, { case: this.about.name, task: this.task.value });
    await whenOver(job.id);
    const found = await get<MasksFound>(`/api/uploads/${this.id}/masks`);
    this.found = found;
    show(this.rows, ...found.files.map((file) => this.row(file)));
    show(this.worlds, ...Object.entries(found.overlays).map(([world, problem]) => this.world(world, problem)));
    const surfaces = found.files.filter((f) => f.kind === "surface").length;
    const usable = found.files.filter((f) => f.kind !== "");
    this.overlapRow.classList.toggle("hidden", usable.length < 2);
    this.status.textContent = surfaces
      ? found.space
        ? `Look whether they lie where they belong. Proposed: ${found.space} (${found.how}).`
        : `${found.how} Which picture is right?`
      : usable.length
        ? "Look whether they lie where they belong."
        : "Nothing here can be used.";
    this.update();
  }

  private row(file: MaskFile): HTMLElement {
    const choose = (value: string, title: string, none: string): HTMLElement => {
      const select = h("select", { "data-file": file.number, title }, h("option", { value: "" }, none), ...this.structures.map((s) => h("option", { value: s.name }, s.name)));
      select.value = value;
      select.addEventListener("change", () => this.update());
      return select;
    };
    const line = h("section", { class: "file", "data-number": file.number }, h("strong", {}, file.name), h("span", { class: "quiet" }, KINDS[file.kind]));
    if (file.problem) line.append(h("p", { class: "problem" }, file.problem));
    if (file.kind === "surface" || file.kind === "mask") line.append(choose(file.structure, "Which structure it is", "choose its structure"));
    if (file.kind !== "labels") return line;
    const known = new Map(this.structures.map((s) => [s.value, s.name]));
    const values = file.values.map((value) => {
      const select = choose(known.get(value) ?? "", `What the value ${value} means`, "background");
      select.dataset.value = String(value);
      return h("label", { class: "row" }, `${value} is`, select);
    });
    line.append(h("div", { class: "values" }, ...values));
    return line;
  }

  private world(world: string, problem: string): HTMLElement {
    const picture = problem ? h("p", { class: "problem" }, problem) : h("img", { src: `/api/uploads/${this.id}/overlays/${world}.png?${Date.now()}`, alt: `Three planes with what was dropped, ${world}` });
    if (world === "grid") return h("figure", {}, picture);
    const tick = h("input", { type: "radio", name: "world", value: world, checked: this.found?.space === world, disabled: problem !== "" });
    tick.addEventListener("change", () => this.update());
    return h("figure", {}, h("figcaption", {}, h("label", { class: "row" }, tick, h("strong", {}, `Coordinates are ${world}`), h("span", { class: "quiet" }, world === "RAS" ? "the first grows to the right" : "the first grows to the left, as DICOM has it"))), picture);
  }

  private get space(): string {
    return this.worlds.querySelector<HTMLInputElement>("input[name=world]:checked")?.value ?? "";
  }

  private update(): void {
    const found = this.found;
    if (!found) return;
    const named = [...this.rows.querySelectorAll<HTMLSelectElement>("select:not([data-value])")].every((s) => s.value);
    const surfaces = found.files.some((f) => f.kind === "surface");
    const lies = surfaces ? this.space !== "" : found.overlays["grid"] === "";
    this.accept.disabled = !(named && lies);
    this.accept.title = !named ? "Say first which structure each file is" : !lies ? "Choose first where they lie" : "";
  }

  private async take(): Promise<void> {
    const found = this.found;
    if (!found) return;
    const structure = (n: number): string => this.rows.querySelector<HTMLSelectElement>(`select[data-file="${n}"]:not([data-value])`)?.value ?? "";
    const values = [...this.rows.querySelectorAll<HTMLSelectElement>("select[data-value]")].map((s) => [s.dataset.value, s.value]);
    const name = this.name.value.trim();
    const job = await post<Job>(`/api/uploads/${this.id}/masks`, {
      case: this.about.name,
      name,
      task: this.task.value,
      overlap: this.overlap.value,
      space: this.space,
      files: found.files.filter((f) => f.kind !== "").map((f) => ({ number: f.number, structure: structure(f.number) })),
      values: Object.fromEntries(values) as Record<string, string>,
    });
    this.id = ""; // it is the worker's now
    this.close();
    say("Making a label map of them; measurements and report follow.");
    const done = await whenOver(job.id);
    if (done.warnings.length) say(done.warnings.join(" "));
    this.added(name);
  }
}
