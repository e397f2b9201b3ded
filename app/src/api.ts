// Everything the pages ask of the app. The types follow its OpenAPI description (/api/openapi.json).

export interface State {
  version: string;
  workspace: string | null;
  recent: string[];
  home: string;
  can_choose: boolean;
}
export interface Folders {
  folder: string;
  parent: string | null;
  folders: string[];
}
export interface Structure {
  name: string;
  value: number;
  colour: string;
  side: string;
}
export interface Model {
  name: string;
  title: string;
  task: string;
  task_title: string;
  licence: string;
  structures: Structure[];
  of_legs: boolean;
  source: "installed" | "own" | "trained";
}
export interface Task {
  name: string;
  title: string;
  structures: Structure[];
}
export interface MaskFile {
  number: number;
  name: string;
  kind: "surface" | "mask" | "labels" | "";
  structure: string;
  values: number[];
  problem: string;
}
export interface MasksFound {
  files: MaskFile[];
  space: "RAS" | "LPS" | "";
  how: string;
  overlays: Record<string, string>;
  complete: boolean;
}
export interface Legs {
  slice_number: number;
  count: number;
  upwards: boolean;
  slice_mm: number;
  confidence: number;
  reason: string;
}
export interface Cohort {
  name: string;
  task: string;
  cases: { name: string; subject: string; annotated: string[] }[];
  subjects: number;
  folds: number;
  training: number;
  validation: number;
  errors: number | null;
  warnings: number | null;
  dropped: string[];
  problem: string;
}
export interface Study {
  cases: string[];
  notes: string[];
  dropped: string[];
}
export type Way = "train" | "crossval" | "finetune" | "study";
export interface Run {
  name: string;
  kind: Way;
  cohort: string;
  state: "waiting" | "running" | "done" | "stopped";
  job: string;
  epochs: number;
  dice: number | null;
  page: boolean;
  model: boolean;
  can_go_on: boolean;
}
export type Row = Record<string, number | null>;
export interface Change {
  when: string;
  structure: string;
  added_voxels: number;
  removed_voxels: number;
  added_cm3: number;
  removed_cm3: number;
}
export interface Result {
  name: string;
  made_by: "model" | "hand" | "file";
  base: string;
  task: string;
  complete: boolean;
  changes: Change[];
  structures: Structure[];
}
export interface Case {
  name: string;
  shape: [number, number, number];
  spacing_mm: [number, number, number];
  orientation: string;
  steps: [number, number, number];
  results: Result[];
  problem: string;
}
export interface Job {
  id: string;
  kind: "glance" | "inspect" | "add" | "masks-look" | "segment" | "finish" | "masks" | "cohort" | "train" | "crossval" | "finetune" | "study";
  title: string;
  case: string;
  result: string;
  state: "waiting" | "running" | "done" | "failed" | "cancelled";
  stage: string;
  share: number;
  seconds: number;
  seconds_left: number | null;
  error: string;
  warnings: string[];
}
export interface Series {
  number: number;
  title: string;
  name: string;
  words: string;
  usable: boolean;
  single_slice: boolean;
  problem: string;
  note: string[];
  picture: boolean;
}
export interface Found {
  series: Series[];
  complete: boolean;
  ignored: string[];
}
export interface Table {
  columns: string[];
  units: string[];
  rows: string[][];
}
export interface Comparison {
  table: Table;
  worst_mm: [number, number, number] | null;
  depth_mm: number;
}

async function asked(method: string, path: string, body?: BodyInit, type?: string): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { method, body, headers: type ? { "content-type": type } : {} });
  } catch {
    throw new Error("The app does not answer. If its terminal was closed, start it again; nothing that was saved is lost.");
  }
  if (answer.ok) return answer;
  const said = (await answer.json().catch(() => ({}))) as { detail?: unknown };
  throw new Error(typeof said.detail === "string" ? said.detail : `The app answered with an error (${answer.status}).`);
}

export async function get<T>(path: string): Promise<T> {
  return (await asked("GET", path)).json() as Promise<T>;
}

export async function bytes(path: string): Promise<ArrayBuffer> {
  return (await asked("GET", path)).arrayBuffer();
}

export async function post<T>(path: string, body?: unknown): Promise<T> {
  const answer = await asked("POST", path, body === undefined ? undefined : JSON.stringify(body), "application/json");
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

export async function put(path: string, file: Blob): Promise<void> {
  await asked("PUT", path, file, "application/octet-stream");
}

export async function remove(path: string): Promise<void> {
  await asked("DELETE", path);
}

export const caseAt = (name: string): string => `/api/cases/${encodeURIComponent(name)}`;
export const resultAt = (name: string, result: string): string =>
  `${caseAt(name)}/results/${encodeURIComponent(result)}`;
