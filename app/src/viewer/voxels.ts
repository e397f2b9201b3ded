// Where voxels are: slices as a person counts them, indices as the file stores them.

import type { Niivue, NVImage } from "@niivue/niivue";

export type Voxel = [number, number, number];

/** What is at the crosshair. */
export interface Place {
  mm: [number, number, number];
  voxel: Voxel;
  intensity: number;
  label: number;
}

/** Slices along right-left, posterior-anterior and inferior-superior. */
export function countsOf(image: NVImage): Voxel {
  const dims = image.dimsRAS ?? [3, 1, 1, 1];
  return [dims[1] ?? 1, dims[2] ?? 1, dims[3] ?? 1];
}

/** Index of a voxel, given by its slices in RAS order, in the array as the file stores it. */
export function storedAt(image: NVImage, voxel: Voxel): number {
  const step = image.img2RASstep ?? [1, 1, 1];
  const start = image.img2RASstart ?? [0, 0, 0];
  return voxel.reduce((sum, v, axis) => sum + (start[axis] ?? 0) + v * (step[axis] ?? 1), 0);
}

/** Value of a voxel, by the file's own scale. */
export function valueAt(image: NVImage, voxel: Voxel): number {
  const value = Number(image.img?.[storedAt(image, voxel)] ?? 0);
  return value * (image.hdr?.scl_slope || 1) + (image.hdr?.scl_inter || 0);
}

/** Mean of a surface's points, kept as x, y, z in a row; null if there is none. */
export function middleOf(points: ArrayLike<number> | undefined): [number, number, number] | null {
  if (!points || points.length === 0) return null;
  const middle: [number, number, number] = [0, 0, 0];
  const count = points.length / 3;
  for (let n = 0; n < points.length; n++) middle[(n % 3) as 0 | 1 | 2] += (points[n] ?? 0) / count;
  return middle;
}

/** What is at the crosshair of a picture. */
export function placeOf(nv: Niivue, scan: NVImage, labels: NVImage | undefined): Place {
  const at = nv.scene.crosshairPos;
  const voxel = countsOf(scan).map((n, axis) => Math.min(n - 1, Math.max(0, Math.floor((at[axis] ?? 0.5) * n)))) as Voxel;
  const mm = nv.frac2mm(at, 0, true);
  return {
    mm: [mm[0] ?? 0, mm[1] ?? 0, mm[2] ?? 0],
    voxel,
    intensity: valueAt(scan, voxel),
    label: labels ? valueAt(labels, voxel) : 0,
  };
}
