// Where the legs begin: a proposed line on a picture from the front, which can be dragged before segmenting.

import { caseAt, get, type Legs } from "./api";
import { attempt, h } from "./dom";

/** Asks for one scan; gives the slice that the user has accepted, null to let the model search all, undefined if closed. */
export async function askWhereLegsBegin(name: string): Promise<number | null | undefined> {
  const legs = await attempt(() => get<Legs>(`${caseAt(name)}/legs`));
  if (!legs) return undefined;
  return new Promise((answer) => {
    const picture = h("img", { src: `${caseAt(name)}/coronal.png`, alt: `${name} from the front`, draggable: "false" });
    const line = h("div", { class: "line", tabindex: 0, role: "slider", "aria-label": "Upper end of the pelvis", "aria-valuemin": 0, "aria-valuemax": legs.count - 1, "aria-orientation": "vertical" });
    const field = h("input", { type: "number", min: 0, max: legs.count - 1, "aria-label": "Slice where the legs begin" });
    const frame = h("div", { class: "coronal" }, picture, line, h("span", { class: "letter right" }, "R"), h("span", { class: "letter left" }, "L"));
    let number = legs.slice_number;
    const put = (wanted: number): void => {
      number = Math.min(legs.count - 1, Math.max(0, Math.round(wanted)));
      const down = legs.upwards ? legs.count - 1 - number : number;
      line.style.top = `${((down + 0.5) / legs.count) * 100}%`;
      line.setAttribute("aria-valuenow", String(number));
      field.value = String(number);
    };
    const follow = (event: PointerEvent): void => {
      const box = picture.getBoundingClientRect();
      const share = (event.clientY - box.top) / box.height;
      put((legs.upwards ? 1 - share : share) * legs.count - 0.5);
    };
    frame.addEventListener("pointerdown", (event) => {
      frame.setPointerCapture(event.pointerId);
      follow(event);
    });
    frame.addEventListener("pointermove", (event) => {
      if (frame.hasPointerCapture(event.pointerId)) follow(event);
    });
    line.addEventListener("keydown", (event) => {
      const step = { ArrowUp: legs.upwards ? 1 : -1, ArrowDown: legs.upwards ? -1 : 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      put(number + step);
    });
    field.addEventListener("change", () => put(Number(field.value)));
    const end = (value: number | null | undefined): void => {
      dialog.remove();
      answer(value);
    };
    const dialog = h(
      "dialog",
      { class: "adding legs", "aria-label": "Where the legs begin" },
      h("h2", {}, `Where do the legs begin in ${name}?`),
      h(
        "div",
        { class: "two" },
        frame,
        h(
          "div",
          { class: "words" },
          h("p", {}, "Drag the line to the upper end of the pelvis, or use the arrow keys. What is more than 50 slices above it is left out: the work is quicker, and nothing up there can be taken for a bone of the leg."),
          h("p", { class: "quiet" }, `Proposed: slice ${legs.slice_number}. ${legs.reason}`),
          h("p", { class: legs.confidence < 0.5 ? "warning" : "quiet" }, `Confidence of the proposal: ${(legs.confidence * 100).toFixed(0)} %${legs.confidence < 0.5 ? "; look twice" : ""}.`),
          h("label", { class: "row" }, "Slice", field, h("span", { class: "quiet" }, `of ${legs.count}, each ${legs.slice_mm.toFixed(1)} mm`)),
          h("button", { click: () => put(legs.slice_number) }, "Back to the proposal"),
        ),
      ),
      h("div", { class: "row foot" }, h("span", { class: "space" }), h("button", { click: () => end(undefined) }, "Cancel"), h("button", { title: "The model decides by itself", click: () => end(null) }, "Search the whole scan"), h("button", { class: "primary", click: () => end(number) }, "Use this line")),
    );
    dialog.addEventListener("cancel", () => end(undefined));
    document.body.append(dialog);
    dialog.showModal();
    put(number);
  });
}
