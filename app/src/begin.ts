// Beginning a training: which kind, on which cohort, with a form made of the configuration's own schema.

import { get, post, type Cohort, type Model, type Way } from "./api";
import { attempt, h, show } from "./dom";
import { SchemaForm, type Schema } from "./form";

interface Study {
  name: string;
  question: string;
}

const WAYS: [Way, string, string][] = [
  ["finetune", "Fine-tune a model", "It goes on learning from your corrected scans, gently. The right choice for few scans."],
  ["train", "Train a new model", "From nothing, with a model's settings or plain ones. Needs tens of subjects, and hours."],
  ["crossval", "Cross-validate", "A training for each fold: every subject is judged by a network that never saw it. As many times as long."],
  ["study", "Run a study", "An experiment of the literature on your cohort: arms that differ in one thing, tested on the same subjects."],
];
const ENDS: Record<Way, string> = { finetune: "", train: "model", crossval: "folds", study: "study" };
/** Fields that stand above: the key, what it is called, and what it is. */
const FIRST: [string, string, string][] = [
  ["epochs", "Epochs at most", "After each epoch the validation subjects are judged; it stops earlier if they get no better"],
  ["steps", "Steps of an epoch", "How often the network is changed in an epoch"],
  ["batch", "Crops of a step", "How many pieces of slices are seen before each change; more need more memory"],
  ["optimiser.learning_rate", "Learning rate", "How much a step changes the network"],
  ["network.name", "Network", "Its architecture"],
  ["seed", "Seed", "The same seed and data give the same model on a CPU"],
];
const LEFT = ["name", "start", "encoder"];
const SIZES = [512, 400, 256];

export async function beginTraining(place: HTMLElement, wanted: string): Promise<void> {
  const [cohorts, models, studies] = await Promise.all([get<Cohort[]>("/api/cohorts"), get<Model[]>("/api/models"), get<Study[]>("/api/training/studies")]);
  const usable = cohorts.filter((one) => !one.problem);
  if (usable.length > 0) new Beginning(place, usable, models, studies, wanted);
  else show(place, h("h1", {}, "Begin a training"), h("p", {}, "There is no training data yet. ", h("a", { href: "#/data" }, "Make a cohort"), " of corrected scans first."));
}

class Beginning {
  private way: Way = "finetune";
  private form: SchemaForm | null = null;
  private readonly cohort: HTMLSelectElement;
  private readonly model = h("select", { id: "base" });
  private readonly modelLabel = h("span", {});
  private readonly about = h("p", { class: "quiet" });
  private readonly name = h("input", { type: "text", id: "run-name", maxlength: 60, title: "Small letters, digits and dashes" });
  private readonly study: HTMLSelectElement;
  private readonly minutes = h("input", { type: "number", id: "minutes", min: 1, value: 60, title: "Minutes of training, shared by the arms; leave it empty to train for the epochs" });
  private readonly question = h("p", { class: "quiet" });
  private readonly studyRow: HTMLElement;
  private readonly image = h("select", { id: "image-size", title: "Pixels of a slice's longer side, at the cohort's usual field of view; a spacing in mm is among all settings" }, h("option", { value: "" }, "as the settings say"), ...SIZES.map((n) => h("option", { value: n }, `${n} × ${n} pixels`)));
  private readonly imageRow = h("label", { class: "row" }, "Image size", this.image);
  private readonly settings = h("div", {});
  private readonly begin = h("button", { class: "primary", disabled: true }, "Begin");

  constructor(
    place: HTMLElement,
    private readonly cohorts: Cohort[],
    private readonly models: Model[],
    private readonly studies: Study[],
    wanted: string,
  ) {
    this.cohort = h("select", { id: "cohort" }, ...cohorts.map((one) => h("option", { value: one.name }, one.name)));
    if (cohorts.some((one) => one.name === wanted)) this.cohort.value = wanted;
    this.study = h("select", { id: "study" }, ...studies.map((one) => h("option", { value: one.name, title: one.question }, one.name)));
    this.studyRow = h("div", { class: "row settings hidden" }, h("label", { class: "row" }, "Study", this.study), h("label", { class: "row" }, "Minutes in all", this.minutes), this.question);
    this.cohort.addEventListener("change", () => this.offer());
    this.model.addEventListener("change", () => this.chooseModel());
    this.study.addEventListener("change", () => this.askQuestion());
    this.image.addEventListener("change", () => void attempt(() => this.resize()));
    this.begin.addEventListener("click", () => void attempt(() => this.send()));
    show(
      place,
      h("a", { href: "#/training" }, "‹ Training"),
      h("h1", {}, "Begin a training"),
      h("div", { class: "ways" }, ...WAYS.map(([id, label, title]) => h("label", { class: "row", title }, h("input", { type: "radio", name: "way", value: id, checked: id === this.way, change: () => this.choose(id) }), label))),
      this.about,
      h("div", { class: "row settings" }, h("label", { class: "row" }, "Cohort", this.cohort), h("label", { class: "row" }, this.modelLabel, this.model), h("label", { class: "row" }, "Name", this.name), this.imageRow),
      this.studyRow,
      this.settings,
      h("div", { class: "row" }, this.begin, h("span", { class: "quiet" }, "Trainings wait for one another, not for the segmenting of scans. One that is stopped can go on.")),
    );
    this.askQuestion();
    this.offer();
  }

  private choose(way: Way): void {
    this.way = way;
    this.offer();
  }

  /** Models that fit the cohort, and words that fit the kind of training. */
  private offer(): void {
    const task = this.cohorts.find((one) => one.name === this.cohort.value)?.task;
    const gentle = this.way === "finetune";
    show(this.model, !gentle && h("option", { value: "" }, "plain settings"), ...this.models.filter((one) => one.task === task).map((one) => h("option", { value: one.name }, one.name)));
    this.modelLabel.textContent = gentle ? "Model to begin with" : "Settings of";
    this.about.textContent = WAYS.find(([id]) => id === this.way)?.[2] ?? "";
    this.studyRow.classList.toggle("hidden", this.way !== "study");
    this.imageRow.classList.toggle("hidden", gentle || this.way === "study"); // a model that goes on learning sees scans as it did
    this.chooseModel();
  }

  private chooseModel(): void {
    const wished = this.way === "finetune" ? `${this.model.value || "model"}-${this.cohort.value}` : `${this.cohort.value}-${ENDS[this.way]}`;
    this.name.value = wished.toLowerCase().replace(/[^a-z0-9-]+/g, "-").slice(0, 60);
    void attempt(() => this.ask());
  }

  private askQuestion(): void {
    this.question.textContent = this.studies.find((one) => one.name === this.study.value)?.question ?? "";
  }

  private query(more: Record<string, string> = {}): string {
    return new URLSearchParams({ kind: this.way, cohort: this.cohort.value, model: this.model.value, ...more }).toString();
  }

  private async ask(): Promise<void> {
    this.begin.disabled = true;
    this.form = null;
    this.image.value = "";
    show(this.settings, h("p", { class: "quiet" }, "Fetching the settings ..."));
    const asked = this.query();
    try {
      const found = await get<{ description: Schema; values: Record<string, unknown> }>(`/api/training/form?${asked}`);
      if (asked !== this.query()) return; // something else was chosen meanwhile
      const fixed = this.way === "finetune" ? ["network", "preprocessing"] : [];
      this.form = new SchemaForm(found.description, found.values, FIRST.filter(([path]) => !fixed.includes(path.split(".")[0] ?? "")), [...LEFT, ...fixed]);
      show(this.settings, this.form.element);
      this.begin.disabled = false;
    } catch (error) {
      show(this.settings, h("p", { class: "problem" }, error instanceof Error ? error.message : String(error)));
    }
  }

  /** Brings slices to an image size; what that means in mm is seen among all settings. */
  private async resize(): Promise<void> {
    const pixels = this.image.value;
    if (pixels === "") return this.ask();
    this.form?.fill(await get<Record<string, unknown>>(`/api/training/image-size?${this.query({ pixels })}`));
  }

  private async send(): Promise<void> {
    const name = this.name.value.trim();
    const study = this.way === "study" ? { study: this.study.value, minutes: Number(this.minutes.value) || null } : {};
    await post("/api/jobs/train", { kind: this.way, name, cohort: this.cohort.value, model: this.model.value, settings: this.form?.changed() ?? {}, ...study });
    location.hash = `#/training/${encodeURIComponent(name)}`;
  }
}
