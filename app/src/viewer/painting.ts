// Painting on labels: a drawing layer over the scan, one structure at a time, with undo and redo of whole strokes.

import { cmapper } from "@niivue/niivue";
import type { Structure } from "../api";
import type { Stage } from "./stage";
import { storedAt, type Voxel } from "./voxels";

export type Tool = "paint" | "fill" | "erase" | "look";

/** Voxels that one stroke changed, numbered as in the drawing, with their values before and after. */
interface Stroke {
  voxels: Uint32Array;
  before: Uint8Array;
  after: Uint8Array;
}

const MOST_STROKES = 200;

export class Painting {
  tool: Tool = "paint";
  structure: Structure | undefined;
  overwrites = false;
  size = 3;
  changed: () => void = () => undefined;
  private original = new Uint8Array();
  private current = new Uint8Array();
  private done: Stroke[] = [];
  private undone: Stroke[] = [];

  // A drawing holds bytes and label values may be larger: it holds the place of a structure in the task, from 1.
  constructor(private readonly stage: Stage) {}

  /** Take the labels that are shown as the drawing; they stay as they are on disk. */
  begin(): void {
    const { stage } = this;
    const { nv, labels } = stage;
    nv.createEmptyDrawing();
    const [nx, ny, nz] = stage.counts;
    const drawing = new Uint8Array(nx * ny * nz);
    if (labels?.img) {
      const number = new Map(stage.structures.map((s, n) => [s.value, n + 1]));
      const step = labels.img2RASstep ?? [1, nx, nx * ny];
      const start = (labels.img2RASstart ?? [0, 0, 0]).reduce((sum, v) => sum + v, 0);
      let at = 0;
      for (let z = 0; z < nz; z++) {
        for (let y = 0; y < ny; y++) {
          let from = start + z * (step[2] ?? 0) + y * (step[1] ?? 0);
          for (let x = 0; x < nx; x++, at++, from += step[0] ?? 1) {
            const value = Number(labels.img[from]);
            if (value) drawing[at] = number.get(value) ?? 0;
          }
        }
      }
      labels.opacity = 0;
    }
    this.original = drawing;
    this.current = drawing.slice();
    this.done = [];
    this.undone = [];
    this.structure ??= stage.structures[0];
    nv.drawLut = cmapper.makeDrawLut({
      R: [0, ...stage.structures.map((s) => parseInt(s.colour.slice(1, 3), 16))],
      G: [0, ...stage.structures.map((s) => parseInt(s.colour.slice(3, 5), 16))],
      B: [0, ...stage.structures.map((s) => parseInt(s.colour.slice(5, 7), 16))],
      A: [0, ...stage.structures.map(() => 255)],
      I: [0, ...stage.structures.map((_, n) => n + 1)],
    } as never);
    nv.updateGLVolume(); // takes the colours over
    nv.setDrawOpacity(0.45);
    nv.drawBitmap = this.current.slice();
    nv.refreshDrawing(true);
    nv.onDrawingChanged = (action) => {
      if (action === "draw") this.ended();
    };
    this.take(this.tool);
  }

  end(): void {
    const { nv } = this.stage;
    nv.onDrawingChanged = () => undefined;
    nv.setDrawingEnabled(false);
    nv.closeDrawing();
    this.stage.repaint();
  }

  take(tool: Tool): void {
    this.tool = tool;
    const { nv } = this.stage;
    nv.opts.penSize = this.size;
    nv.setDrawingEnabled(tool !== "look");
    if (tool !== "look") nv.setPenValue(tool === "erase" ? 0 : this.number, tool === "fill");
    this.changed();
  }

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  undo(): void {
    const stroke = this.done.pop();
    if (!stroke) return;
    this.put(stroke.voxels, stroke.before);
    this.undone.push(stroke);
    this.changed();
  }

  redo(): void {
    const stroke = this.undone.pop();
    if (!stroke) return;
    this.put(stroke.voxels, stroke.after);
    this.done.push(stroke);
    this.changed();
  }

  /** Fill the slices between painted ones of the chosen structure, along the plane of the view. */
  interpolate(sliceType: number): void {
    const { nv } = this.stage;
    const mine = this.number;
    // only strokes of this session and structure are the slices to go between: the rest would fill the whole bone
    const only = this.current.map((v, at) => (v === mine && this.original[at] !== mine ? mine : 0));
    nv.drawBitmap = only;
    try {
      nv.interpolateMaskSlices(undefined, undefined, { sliceType, useIntensityGuided: false });
    } catch {
      nv.drawBitmap = this.current.slice();
      nv.refreshDrawing(true);
      throw new Error("Paint the structure in two slices of one plane first, with slices between them.");
    }
    const filled = nv.drawBitmap ?? only;
    nv.drawBitmap = this.current.map((v, at) => (filled[at] === mine && (v === 0 || this.overwrites) ? mine : v));
    this.ended();
  }

  /** First voxel, count and new label value, again and again, numbered as the file stores its voxels. */
  runs(): number[] {
    const { stage } = this;
    const [nx, ny] = stage.counts;
    const found: [number, number][] = [];
    for (let at = 0; at < this.current.length; at++) {
      const now = this.current[at] ?? 0;
      if (now === this.original[at]) continue;
      const voxel: Voxel = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
      found.push([storedAt(stage.scan, voxel), now ? (stage.structures[now - 1]?.value ?? 0) : 0]);
    }
    found.sort((a, b) => a[0] - b[0]);
    const runs: number[] = [];
    let end = -1;
    for (const [at, value] of found) {
      const last = runs.length - 3;
      if (at === end && runs[last + 2] === value) runs[last + 1] = (runs[last + 1] ?? 0) + 1;
      else runs.push(at, 1, value);
      end = at + 1;
    }
    return runs;
  }

  private get number(): number {
    return this.stage.structures.findIndex((s) => s.name === this.structure?.name) + 1;
  }

  /** A stroke has ended: keep what it may change, take back the rest. */
  private ended(): void {
    const drawn = this.stage.nv.drawBitmap;
    if (!drawn) return;
    const mine = this.number;
    const voxels: number[] = [];
    for (let at = 0; at < drawn.length; at++) {
      const before = this.current[at] ?? 0;
      if (drawn[at] === before) continue;
      const allowed = drawn[at] === 0 ? before === mine : before === 0 || this.overwrites;
      if (allowed) voxels.push(at);
    }
    const stroke = {
      voxels: Uint32Array.from(voxels),
      before: Uint8Array.from(voxels, (at) => this.current[at] ?? 0),
      after: Uint8Array.from(voxels, (at) => drawn[at] ?? 0),
    };
    this.put(stroke.voxels, stroke.after);
    if (voxels.length > 0) {
      this.done.push(stroke);
      if (this.done.length > MOST_STROKES) this.done.shift();
      this.undone = [];
    }
    this.changed();
  }

  private put(voxels: Uint32Array, values: Uint8Array): void {
    voxels.forEach((at, n) => (this.current[at] = values[n] ?? 0));
    this.stage.nv.drawBitmap = this.current.slice();
    this.stage.nv.refreshDrawing(true);
  }
}
