// The keys, and what becomes of data.

import { h, show } from "./dom";

const KEYS: [string, string][] = [
  ["Arrow keys or mouse wheel", "one slice on or back, in the plane under the pointer"],
  ["Page up, Page down", "ten slices on or back"],
  ["1, 2, 3, 4, 5", "three planes with 3-D; axial; coronal; sagittal; 3-D alone"],
  ["O", "outlines or filled labels"],
  ["L", "labels on or off"],
  ["B", "the scan alone beside the scan with its labels"],
  ["Right button, dragged", "brightness and contrast from a rectangle"],
  ["P, E", "while correcting: paint, erase"],
  ["[ and ]", "while correcting: smaller or larger brush"],
  ["Ctrl+Z, Ctrl+Y", "while correcting: undo, redo"],
];

export function helpPage(main: HTMLElement): () => void {
  show(
    main,
    h(
      "article",
      { class: "text" },
      h("h1", {}, "Help"),
      h("h2", {}, "What happens to your data"),
      h(
        "p",
        {},
        "Nothing leaves this machine. When a scan is added, only its voxels and their place are kept; names, dates and " +
          "identifiers of the patient are dropped. Results lie in the folder of the workspace as ordinary files, which " +
          "the command line and other programs read as well.",
      ),
      h("h2", {}, "Steps"),
      h(
        "ol",
        {},
        h("li", {}, "Add scans: drop a DICOM folder, a zip archive, NIfTI, MHA or NRRD files on the page of scans."),
        h("li", {}, "Choose scans and a model, and start. The work goes on if you close the page, and is begun anew after a restart of the app."),
        h("li", {}, "Open a scan. Look at every structure, and at what the report says to look at."),
        h("li", {}, "Correct what is wrong, and save: each correction is a new version; the one before stays."),
        h("li", {}, "Have masks or surfaces already? Drop them on the picture of the case, and look where they lie before they are taken."),
        h("li", {}, "Read the measurements, and save tables, report, surfaces or labels for other programs."),
        h("li", {}, "Make the model better: make training data of corrected scans, and fine-tune a model on it."),
      ),
      h("h2", {}, "Keys in the viewer"),
      h("table", { class: "keys" }, h("tbody", {}, ...KEYS.map(([key, what]) => h("tr", {}, h("th", { scope: "row" }, key), h("td", {}, what))))),
      h("p", { class: "quiet" }, "Left and right are the patient's: on coronal and axial slices the patient's right is on the left."),
      h("p", {}, h("a", { href: "#/" }, "Back to the scans")),
    ),
  );
  return () => undefined;
}
