// Choosing or making the folder of a workspace.

import { get, post, type Folders, type State } from "./api";
import { attempt, h, show } from "./dom";

export function startPage(main: HTMLElement, state: State, go: (hash: string) => void): () => void {
  const field = h("input", { id: "folder", type: "text", value: state.workspace ?? `${state.home}/osteon-study`, spellcheck: false });
  const listed = h("div", { class: "folders" });

  const open = (folder: string, create: boolean): void =>
    void attempt(async () => {
      await post("/api/workspace", { folder, create });
      go("#/");
    });

  const list = (folder: string): void =>
    void attempt(async () => {
      const found = await get<Folders>(`/api/folders?folder=${encodeURIComponent(folder)}`);
      field.value = found.folder;
      const into = (name: string): string => `${found.folder.replace(/[\\/]$/, "")}/${name}`;
      show(
        listed,
        found.parent !== null && h("button", { class: "folder up", click: () => list(found.parent ?? "") }, "One folder up"),
        ...found.folders.map((name) => h("button", { class: "folder", click: () => list(into(name)) }, name)),
        found.folders.length === 0 && h("p", { class: "quiet" }, "No folders in here."),
      );
    });

  show(
    main,
    h(
      "article",
      { class: "text start" },
      h("h1", {}, "Choose a workspace"),
      h("p", {}, "A workspace is a folder for one study: its scans, the results and your corrections. Everything stays in it."),
      h(
        "form",
        {
          submit: (event: SubmitEvent) => {
            event.preventDefault();
            open(field.value, true);
          },
        },
        h("label", { for: "folder" }, "Folder"),
        h("div", { class: "row" }, field, h("button", { class: "primary", type: "submit" }, "Open or create")),
      ),
      state.recent.length > 0 &&
        h(
          "section",
          {},
          h("h2", {}, "Used before"),
          h("div", { class: "folders" }, ...state.recent.map((f) => h("button", { class: "folder", title: f, click: () => open(f, false) }, f))),
        ),
      h("section", {}, h("h2", {}, "Folders on this machine"), listed),
    ),
  );
  list(state.home);
  return () => undefined;
}
