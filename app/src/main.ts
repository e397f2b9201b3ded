// The frame of all pages, and which of them is shown: #/ the scans, #/case/NAME/RESULT the viewer,
// #/data the cohorts, #/training the trainings, #/models the models.

import { get, type State } from "./api";
import { dataPage } from "./data";
import { attempt, h, show } from "./dom";
import { helpPage } from "./help";
import { modelsPage } from "./models";
import { scansPage } from "./scans";
import { startPage } from "./start";
import { setTheme, themeButton } from "./theme";
import { trainingPage } from "./training";
import { viewerPage } from "./viewer/page";

type Leave = () => void;

let leave: Leave = () => undefined;

async function route(): Promise<void> {
  leave();
  leave = () => undefined;
  const page = document.querySelector("#page");
  const state = await attempt(() => get<State>("/api/state"));
  if (!page || !state) return;
  const main = h("main", {});
  const [place, name, result] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  show(page, header(state, place ?? ""), main);
  if (place === "help") leave = helpPage(main);
  else if (!state.workspace || place === "start") leave = startPage(main, state, go);
  else if (place === "case" && name) leave = await viewerPage(main, name, result);
  else if (place === "data") leave = dataPage(main);
  else if (place === "models") leave = modelsPage(main);
  else if (place === "training") leave = trainingPage(main, name, result);
  else leave = scansPage(main);
}

function go(hash: string): void {
  if (location.hash === hash) void route();
  else location.hash = hash;
}

const PLACES: [string, string][] = [
  ["", "Scans"],
  ["data", "Training data"],
  ["training", "Training"],
  ["models", "Models"],
];

function header(state: State, place: string): HTMLElement {
  const folder = state.workspace?.split(/[\\/]/).pop() ?? "";
  return h(
    "header",
    { class: "top" },
    h("a", { class: "brand", href: "#/" }, h("img", { src: "/icon.svg", alt: "", width: 24, height: 24 }), "Osteon"),
    state.workspace &&
      h(
        "a",
        { class: "workspace", href: state.can_choose ? "#/start" : "#/", title: `Workspace: ${state.workspace}` },
        `Workspace: ${folder}`,
      ),
    state.workspace !== null &&
      h("nav", {}, ...PLACES.map(([id, label]) => h("a", { href: `#/${id}`, "aria-current": (place === "case" ? "" : place) === id ? "page" : undefined }, label))),
    h("span", { class: "space" }),
    h("span", { class: "quiet notice" }, "For research only; not a medical device"),
    h("a", { class: "button plain", href: "#/help" }, "Help"),
    themeButton(),
  );
}

setTheme();
window.addEventListener("hashchange", () => void route());
void route();
