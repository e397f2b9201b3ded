// Whether the scan's header tells right from left: three planes with letters, and what to look for.

import { caseAt, type Case, type Result } from "../api";
import { h } from "../dom";

const WORDS: Record<string, string> = { R: "the right", L: "the left", A: "the front", P: "the back", S: "the head", I: "the feet" };

export function checkOrientation(about: Case, result: Result | null): void {
  const axes = [...about.orientation].map((letter, n) => `its ${["first", "second", "third"][n] ?? ""} axis runs to ${WORDS[letter] ?? letter}`);
  const query = result ? `?result=${encodeURIComponent(result.name)}` : "";
  const dialog = h(
    "dialog",
    { class: "adding masks", "aria-label": "Check orientation" },
    h("h2", {}, `Orientation of ${about.name}`),
    h("p", {}, `The scan is stored as ${about.orientation}: ${axes.join(", ")}.`),
    h("figure", {}, h("img", { src: `${caseAt(about.name)}/orientation.png${query}`, alt: "Three planes with the letters R, L, A, P, S and I" })),
    h("p", { class: "quiet" }, "Look: is the head at S, the belly at A, and what you know of one side (a marker, the liver, a shorter leg) at that letter? R and L are the patient's. If not, the scan's header is wrong: convert the DICOM series again."),
    h("div", { class: "row foot" }, h("span", { class: "space" }), h("button", { class: "primary", click: () => dialog.remove() }, "Close")),
  );
  dialog.addEventListener("cancel", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
