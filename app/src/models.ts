// Models that can segment: what each is for, where it comes from, and its card.

import { get, type Model } from "./api";
import { cardOf } from "./card";
import { attempt, counted, h, show, swatch } from "./dom";

const SOURCES: Record<Model["source"], string> = {
  installed: "installed with Osteon",
  own: "in this workspace's folder models",
  trained: "trained in this workspace",
};

export function modelsPage(main: HTMLElement): () => void {
  const list = h("div", { class: "list" });
  show(
    main,
    h(
      "div",
      { class: "wide-page" },
      h("h1", {}, "Models"),
      h("p", { class: "quiet" }, "What can segment your scans. The card of a model says what it was trained on, how well it does, and where it fails: read it before you use it."),
      list,
    ),
  );
  void attempt(async () => show(list, ...(await get<Model[]>("/api/models")).map(entry)));
  return () => undefined;
}

function entry(model: Model): HTMLElement {
  const card = h("div", {});
  const details = h("details", {}, h("summary", {}, "Card"), card);
  details.addEventListener("toggle", () => {
    if (details.open && !card.firstChild) void attempt(async () => show(card, cardOf((await get<{ card: string }>(`/api/models/${encodeURIComponent(model.name)}/card`)).card)));
  });
  return h(
    "section",
    { class: "entry", "data-model": model.name },
    h("div", { class: "row" }, h("strong", {}, model.name), h("span", { class: "quiet" }, SOURCES[model.source])),
    h("p", {}, `${model.title}.`),
    h("p", { class: "quiet" }, `Licence: ${model.licence}.`),
    h("details", {}, h("summary", {}, `Can label ${counted(model.structures.length, "structure")} of ${model.task}`), h("p", { class: "structure-list" }, ...model.structures.map((s) => h("span", {}, swatch(s.colour), s.name)))),
    details,
  );
}
