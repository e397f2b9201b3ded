// Slice by slice with the keyboard, in the plane under the pointer.

import { SLICE_TYPE, type Niivue } from "@niivue/niivue";
import type { Voxel } from "./voxels";

type Axis = 0 | 1 | 2;

/** Along which axis (right, front, head) one goes in a plane. */
const AXES = new Map<number, Axis>([
  [SLICE_TYPE.AXIAL, 2],
  [SLICE_TYPE.CORONAL, 1],
  [SLICE_TYPE.SAGITTAL, 0],
]);

const STEPS: Record<string, number> = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };

export class Stepping {
  private axis: Axis = 2;

  constructor(
    private readonly nv: Niivue,
    canvas: HTMLCanvasElement,
  ) {
    canvas.addEventListener("pointermove", (event) => this.follow(event.offsetX, event.offsetY));
    // its own keys, such as V and C, would change what the buttons of the page say
    for (const kind of ["keydown", "keyup"]) canvas.addEventListener(kind, (event) => event.stopImmediatePropagation());
  }

  /** Where a key leads from a voxel; null if it is no such key, or no plane is shown. */
  from(voxel: Voxel, key: string): { axis: Axis; slice: number } | null {
    const step = STEPS[key];
    const only = this.nv.opts.sliceType;
    if (step === undefined || only === SLICE_TYPE.RENDER) return null;
    const axis = AXES.get(only) ?? this.axis;
    return { axis, slice: voxel[axis] + step };
  }

  private follow(x: number, y: number): void {
    const ratio = this.nv.uiData.dpr ?? 1;
    const tile = this.nv.screenSlices[this.nv.tileIndex(x * ratio, y * ratio)];
    const axis = tile && AXES.get(tile.axCorSag);
    if (axis !== undefined) this.axis = axis;
  }
}
