// The picture: NiiVue with a scan, labels over it, and surfaces, as a radiologist expects them.

import { type Niivue, NVImage, SHOW_RENDER, SLICE_TYPE } from "@niivue/niivue";
import { bytes, caseAt, get, resultAt, type Case, type Result, type Structure } from "../api";
import { colourLabels, DIFFERENCES } from "./colours";
import { radiologicalViewer, saveCanvas } from "./niivue";
import { Stepping } from "./stepping";
import { loadSurfaces, structureOf } from "./surfaces";
import { Twin } from "./twin";
import { countsOf, middleOf, placeOf, type Place, type Voxel } from "./voxels";

export type Layout = "planes" | "axial" | "coronal" | "sagittal" | "solid";

const TYPES: Record<Layout, SLICE_TYPE> = {
  planes: SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  solid: SLICE_TYPE.RENDER,
};

/** What of scan and labels is seen. */
export type Seen = "both" | "scan" | "labels";

export class Stage {
  readonly nv: Niivue;
  structures: Structure[] = [];
  hidden = new Set<string>();
  opacity = 0.5;
  outlined = true;
  labelled = true;
  layout: Layout = "planes";
  moved: (place: Place) => void = () => undefined;
  seen: Seen = "both";
  private shown: string | null = null;
  private attached = false;
  private wasPlaced = false;
  private readonly stepping: Stepping;
  private twin: Twin | null = null;
  private bytes = new ArrayBuffer(0);
  private window: [number, number] = [0, 1];

  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly about: Case,
  ) {
    this.nv = radiologicalViewer();
    this.stepping = new Stepping(this.nv, canvas);
    this.nv.onLocationChange = () => this.moved(this.place());
  }

  async open(whole: boolean): Promise<void> {
    if (!this.attached) await this.nv.attachToCanvas(this.canvas);
    this.attached = true;
    this.bytes = await bytes(`${caseAt(this.about.name)}/scan.nii?whole=${String(whole)}`);
    while (this.nv.volumes.length > 0) this.nv.removeVolumeByIndex(0);
    this.nv.addVolume(await NVImage.loadFromUrl({ url: this.bytes as never, name: "scan.nii", colormap: "gray", percentileFrac: 0.01 }));
    this.window = [this.scan.cal_min ?? 0, this.scan.cal_max ?? 1];
    this.moved(this.place());
  }

  get scan(): NVImage {
    const scan = this.nv.volumes[0];
    if (!scan) throw new Error("The scan is not open yet.");
    return scan;
  }

  get labels(): NVImage | undefined {
    return this.nv.volumes[1];
  }

  /** Labels over the scan, and their surfaces; null takes them away. */
  async showResult(result: Result | null, whole: boolean): Promise<void> {
    this.clearOverlay();
    for (const mesh of [...this.nv.meshes]) this.nv.removeMesh(mesh);
    this.nv.opts.multiplanarShowRender = SHOW_RENDER.NEVER;
    this.shown = result?.name ?? null;
    this.structures = result?.structures ?? [];
    if (!result) return;
    const place = resultAt(this.about.name, result.name);
    await this.overlay(`${place}/labels.nii?whole=${String(whole)}`);
    this.moved(this.place());
    const names = await get<string[]>(`${place}/meshes`);
    if (this.shown !== result.name) return;
    await loadSurfaces(this.nv, place, names, result.structures);
    this.dressMeshes();
    this.goToFirst();
    // the costly 3-D view only where there is something in it
    this.nv.opts.multiplanarShowRender = this.nv.meshes.length > 0 ? SHOW_RENDER.ALWAYS : SHOW_RENDER.NEVER;
    this.nv.drawScene();
  }

  /** When a case opens, the middle of its first structure is shown: the middle of a scan may lie between two legs. */
  private goToFirst(): void {
    const middle = middleOf(this.nv.meshes[0]?.pts);
    if (this.wasPlaced || !middle) return;
    this.wasPlaced = true;
    this.goToMm(middle);
  }

  async showDifference(first: string, second: string): Promise<void> {
    this.clearOverlay();
    this.structures = DIFFERENCES;
    const query = `first=${encodeURIComponent(first)}&second=${encodeURIComponent(second)}`;
    await this.overlay(`${caseAt(this.about.name)}/difference.nii?${query}`);
    this.moved(this.place());
  }

  private async overlay(url: string): Promise<void> {
    const labels = await NVImage.loadFromUrl({ url: (await bytes(url)) as never, name: "labels.nii", opacity: 1 });
    this.dress(labels); // before it is shown: each change of a shown volume is a slow upload
    this.nv.addVolume(labels);
  }

  private clearOverlay(): void {
    while (this.nv.volumes.length > 1) this.nv.removeVolumeByIndex(1);
  }

  /** Colours, visibility, opacity and outlines, as they are set. */
  repaint(): void {
    if (this.labels) this.dress(this.labels);
    this.dressMeshes();
    this.nv.updateGLVolume();
  }

  private dress(labels: NVImage): void {
    colourLabels(labels, this.structures, this.hidden);
    labels.opacity = this.labelled ? this.opacity : 0;
    // outlines are drawn whatever the opacity is
    this.nv.opts.atlasOutline = this.outlined && this.labelled ? 1 : 0;
  }

  private dressMeshes(): void {
    for (const mesh of this.nv.meshes) {
      mesh.visible = this.labelled && !this.hidden.has(structureOf(mesh));
    }
  }

  /** Structures that this result has, as far as their surfaces tell. */
  get present(): Structure[] {
    const names = new Set(this.nv.meshes.map((mesh) => structureOf(mesh)));
    return names.size ? this.structures.filter((s) => names.has(s.name)) : this.structures;
  }

  setLayout(layout: Layout): void {
    this.layout = layout;
    this.nv.setSliceType(TYPES[layout]);
    this.twin?.setSlices(TYPES[layout]);
  }

  get isSideBySide(): boolean {
    return this.twin !== null;
  }

  /** The scan alone beside the scan with its labels, or not. */
  async setSideBySide(on: boolean): Promise<void> {
    this.twin?.close();
    this.twin = null;
    const frame = this.canvas.parentElement;
    if (!on || !frame) return;
    this.twin = new Twin(this.nv);
    await this.twin.open(frame, this.bytes, TYPES[this.layout]);
    this.twin.window(...this.window);
  }

  /** The window in use; that of the picture differs while the scan is hidden. */
  get windowed(): [number, number] {
    return this.window;
  }

  setWindow(low: number, high: number): void {
    this.window = [low, Math.max(high, low + 1e-6)];
    this.applyWindow();
  }

  /** Scan and labels superimposed, or one of them; a hidden scan is black throughout. */
  setSeen(seen: Seen): void {
    this.seen = seen;
    this.labelled = seen !== "scan";
    this.applyWindow();
    this.repaint();
  }

  private applyWindow(): void {
    const most = (this.scan.global_max ?? 1) + 1;
    [this.scan.cal_min, this.scan.cal_max] = this.seen === "labels" ? [most, most + 1] : this.window;
    this.twin?.window(...this.window);
    this.nv.updateGLVolume();
  }

  /** Slices along right-left, posterior-anterior and inferior-superior. */
  get counts(): Voxel {
    return countsOf(this.scan);
  }

  goToVoxel(axis: 0 | 1 | 2, slice: number): void {
    const at = this.nv.scene.crosshairPos;
    const count = this.counts[axis];
    at[axis] = (Math.min(Math.max(slice, 0), count - 1) + 0.5) / count;
    this.nv.drawScene();
    this.moved(this.place());
  }

  /** Goes where a key leads, in the plane under the pointer; whether it leads anywhere. */
  step(key: string): boolean {
    const next = this.stepping.from(this.place().voxel, key);
    if (next) this.goToVoxel(next.axis, next.slice);
    return next !== null;
  }

  goToMm(mm: [number, number, number]): void {
    this.nv.scene.crosshairPos = this.nv.mm2frac(mm as never, 0, true);
    this.nv.drawScene();
    this.moved(this.place());
  }

  place(): Place {
    return placeOf(this.nv, this.scan, this.labels);
  }

  /** Give the graphics memory back. */
  close(): void {
    this.twin?.close();
    if (this.attached) this.nv.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  async picture(name: string): Promise<void> {
    if (!this.twin) {
      this.nv.drawScene();
      return this.nv.saveScene(name);
    }
    return saveCanvas(this.twin.beside(), name);
  }
}
