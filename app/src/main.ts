// The frame of all pages, and which of them is shown: #/ the scans, #/case/NAME/RESULT the viewer.

import { get, type State } from "./api";
import { attempt, h, show } from "./dom";
import { helpPage } from "./help";
import { scansPage } from "./scans";
import { startPage } from "./start";
import { setTheme, themeButton } from "./theme";
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
  show(page, header(state), main);
  const [place, name, result] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (place === "help") leave = helpPage(main);
  else if (!state.workspace || place === "start") leave = startPage(main, state, go);
  else if (place === "case" && name) leave = await viewerPage(main, name, result);
  else leave = scansPage(main);
}

function go(hash: string): void {
  if (location.hash === hash) void route();
  else location.hash = hash;
}

function header(state: State): HTMLElement {
  const folder = state.workspace?.split(/[\\/]/).pop() ?? "";
  return h(
    "header",
    { class: "top" },
    h("a", { class: "brand", href: "#/" }, h("img", { src: "/icon.svg", alt: "", width: 24, height: 24 }), "Osteon"),
    state.workspace &&
      h(
        "a",
        { class: "workspace", href: state.can_choose ? "#/start" : "#/", title: `Workspace: ${state.workspace}` },
        folder,
      ),
    h("span", { class: "space" }),
    h("span", { class: "quiet notice" }, "For research only; not a medical device"),
    h("a", { class: "button plain", href: "#/help" }, "Help"),
    themeButton(),
  );
}

setTheme();
window.addEventListener("hashchange", () => void route());
void route();
