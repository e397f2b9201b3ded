// Adding scans: files are sent one by one, looked through, shown with pictures; what is chosen becomes cases.

import { get, post, put, remove, type Found, type Job, type Series } from "./api";
import { attempt, counted, h, say, show } from "./dom";
import { isOver } from "./jobs";
import { freeName, numberedName } from "./names";

const AT_ONCE = 4;
const ASK_MS = 300;
/** A larger drop takes a while to arrive: one of its slices is shown meanwhile. */
const GLANCED_AT = 100;

/** Every file of what was dropped, also of folders in it. */
async function filesOf(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return [...transfer.files];
  return (await Promise.all(entries.map(filesBelow))).flat();
}

async function filesBelow(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) return [await new Promise<File>((good, bad) => (entry as FileSystemFileEntry).file(good, bad))];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: File[] = [];
  for (;;) {
    // a reader gives a hundred entries at a time
    const some = await new Promise<FileSystemEntry[]>((good, bad) => reader.readEntries(good, bad));
    if (some.length === 0) return found;
    found.push(...(await Promise.all(some.map(filesBelow))).flat());
  }
}

/** Files and folders that are dropped on an element. */
export function dropOn(element: HTMLElement, take: (files: File[]) => void): void {
  const over = (on: boolean) => (event: DragEvent) => {
    event.preventDefault();
    element.classList.toggle("over", on);
  };
  element.addEventListener("dragover", over(true));
  element.addEventListener("dragleave", over(false));
  element.addEventListener("drop", (event) => {
    over(false)(event);
    const { dataTransfer } = event;
    if (dataTransfer) void attempt(async () => take(await filesOf(dataTransfer)));
  });
}

const pause = (ms: number): Promise<void> => new Promise((done) => window.setTimeout(done, ms));

export async function addScans(files: File[], taken: string[], accepted: () => void): Promise<void> {
  if (files.length === 0) return;
  const dialog = h("dialog", { class: "adding", "aria-label": "Add scans" });
  const status = h("p", { role: "status" }, `Taking ${counted(files.length, "file")} ...`);
  const bar = h("progress", { max: files.length, value: 0 });
  const list = h("div", { class: "series" });
  const foot = h("div", { class: "row foot" });
  show(dialog, h("h2", {}, "Add scans"), status, bar, list, foot);
  document.body.append(dialog);
  dialog.showModal();
  const { id } = await post<{ id: string }>("/api/uploads");
  const throwAway = (): void => {
    dialog.remove();
    void remove(`/api/uploads/${id}`).catch(() => undefined);
  };
  dialog.addEventListener("cancel", throwAway);
  show(foot, h("span", { class: "space" }), h("button", { click: throwAway }, "Cancel"));

  const went = await attempt(async () => {
    await sendShowing(id, files, (count) => (bar.value = count), list);
    status.textContent = "Looking through them ...";
    const job = await post<{ id: string }>(`/api/uploads/${id}/look`);
    return await watch(id, job.id, list, taken);
  });
  bar.remove();
  if (!went || !dialog.isConnected) return throwAway();
  const rows = [...list.querySelectorAll<HTMLElement>(".one")];
  const usable = rows.filter((row) => row.querySelector("input[type=checkbox]"));
  const ignored = went.ignored.length ? ` Left out, being no images: ${counted(went.ignored.length, "file")}.` : "";
  status.textContent = (usable.length ? "Choose what to add." : "Nothing here can be used.") + ignored;
  const accept = h("button", { class: "primary", disabled: usable.length === 0 }, "Add to the workspace");
  accept.addEventListener("click", () => {
    const choices = usable.filter(isChecked).map((row) => ({ number: Number(row.dataset.number), name: nameOf(row) }));
    if (choices.length === 0) return say("Choose at least one series.", "error");
    void attempt(async () => {
      await post<Job>(`/api/uploads/${id}/accept`, { choices });
      dialog.remove();
      accepted();
    });
  });
  show(foot, h("span", { class: "quiet" }, "Names and dates of the patient are removed on the way in."), h("span", { class: "space" }), h("button", { click: throwAway }, "Cancel"), accept);
}

/** Sends the files of a drop; of a large one, the middle file first, so that it can be looked at. */
async function sendShowing(id: string, files: File[], counted: (count: number) => void, place: HTMLElement): Promise<void> {
  if (files.length < GLANCED_AT) return send(id, files, counted);
  const middle = files[Math.floor(files.length / 2)] as File;
  await send(id, [middle], counted);
  const picture = h("div", { class: "glance" });
  place.append(picture);
  void glance(id, picture).catch(() => undefined); // the series are shown with or without it
  await send(id, files.filter((file) => file !== middle), (count) => counted(count + 1));
  picture.remove();
}

async function glance(id: string, place: HTMLElement): Promise<void> {
  const { id: number } = await post<Job>(`/api/uploads/${id}/glance`);
  while (!isOver(await get<Job>(`/api/jobs/${number}`))) await pause(ASK_MS);
  const picture = h("img", { alt: "One of the slices" });
  picture.addEventListener("load", () => show(place, picture, h("p", { class: "quiet" }, "One of the slices, while the others are on their way")));
  picture.src = `/api/uploads/${id}/glance.png`;
}

/** Sends files a few at a time. */
export async function send(id: string, files: File[], counted: (count: number) => void): Promise<void> {
  const waiting = [...files];
  let done = 0;
  const lane = async (): Promise<void> => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      await put(`/api/uploads/${id}/file?name=${encodeURIComponent(file.name)}`, file);
      counted((done += 1));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

/** Shows series as they are found, until the worker is through. */
async function watch(id: string, number: string, list: HTMLElement, taken: string[]): Promise<Found> {
  const shown = new Map<number, HTMLElement>();
  for (;;) {
    const [found, job] = await Promise.all([get<Found>(`/api/uploads/${id}`), get<Job>(`/api/jobs/${number}`)]);
    for (const series of found.series) {
      let row = shown.get(series.number);
      if (!row || (found.complete && !row.dataset.final)) {
        const fresh = seriesRow(id, series, found.complete, taken, found.series.length);
        row ? row.replaceWith(fresh) : list.append(fresh);
        shown.set(series.number, fresh);
        row = fresh;
      }
      const frame = row.querySelector(".picture");
      if (series.picture && frame && !frame.firstChild) {
        frame.append(h("img", { src: `/api/uploads/${id}/pictures/${series.number}.png`, alt: "Middle slice" }));
      }
    }
    if (job.state === "failed") throw new Error(job.error);
    if (isOver(job) && found.complete) return found;
    await pause(ASK_MS);
  }
}

function seriesRow(id: string, series: Series, final: boolean, taken: string[], of: number): HTMLElement {
  const problem = series.problem || (series.single_slice ? "A single slice is no volume; it cannot be segmented." : "");
  const usable = final && series.usable && !series.single_slice;
  const title = series.title || `Series ${series.number + 1}`;
  const row = h("section", { class: `one ${problem ? "unusable" : ""}`, "data-number": series.number, "data-upload": id });
  if (final) row.dataset.final = "yes";
  show(
    row,
    h("div", { class: "picture" }),
    h(
      "div",
      {},
      usable
        ? h("label", { class: "row" }, h("input", { type: "checkbox", checked: of === 1 || !series.problem }), h("strong", {}, title))
        : h("strong", {}, title),
      series.words && h("p", { class: "quiet" }, series.words),
      ...series.note.map((note) => h("p", { class: "warning" }, note)),
      problem && h("p", { class: "problem" }, problem),
      usable &&
        h(
          "label",
          { class: "row name" },
          "Name",
          h("input", { type: "text", class: "name", value: freeCaseName(series, taken), maxlength: 80, title: "Name of the case; use no patient's name" }),
        ),
    ),
  );
  return row;
}

/** A name that no case has yet; DICOM series get a number, because their own names may tell who it is. */
function freeCaseName(series: Series, taken: string[]): string {
  const name = series.name ? freeName(series.name, taken) : numberedName("scan", taken);
  taken.push(name.toLowerCase());
  return name;
}

const isChecked = (row: HTMLElement): boolean => row.querySelector<HTMLInputElement>("input[type=checkbox]")?.checked ?? false;
const nameOf = (row: HTMLElement): string => row.querySelector<HTMLInputElement>("input.name")?.value.trim() ?? "";
