// The picture: NiiVue with a scan, labels over it, and surfaces, as a radiologist expects them.

import { MULTIPLANAR_TYPE, Niivue, NVImage, SHOW_RENDER, SLICE_TYPE } from "@niivue/niivue";
import { Twin } from "./twin";
import { bytes, caseAt, get, resultAt, type Case, type Result, type Structure } from "../api";

export type Layout = "planes" | "axial" | "coronal" | "sagittal" | "solid";

const TYPES: Record<Layout, SLICE_TYPE> = {
  planes: SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  solid: SLICE_TYPE.RENDER,
};

/** NIFTI_INTENT_LABEL (nifti1.h): without it the viewer takes values for brightness, and paints the background, too. */
const LABELS = 1002;

const DIFFERENCES: Structure[] = [
  { name: "only in the first", value: 1, colour: "#f59e0b", side: "" },
  { name: "only in the second", value: 2, colour: "#38bdf8", side: "" },
  { name: "another structure", value: 3, colour: "#e879f9", side: "" },
];

/** What of scan and labels is seen. */
export type Seen = "both" | "scan" | "labels";

export interface Place {
  mm: [number, number, number];
  voxel: [number, number, number];
  intensity: number;
  label: number;
}

const rgb = (colour: string): [number, number, number] => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)) as [number, number, number];

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
  private twin: Twin | null = null;
  private bytes = new ArrayBuffer(0);
  private window: [number, number] = [0, 1];

  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly about: Case,
  ) {
    this.nv = new Niivue({
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.35, 0.85, 0.8, 0.7],
      crosshairWidth: 0.6,
      crosshairWidthUnit: "mm",
      isRadiologicalConvention: true,
      sagittalNoseLeft: true,
      isOrientationTextVisible: true,
      multiplanarShowRender: SHOW_RENDER.NEVER,
      multiplanarLayout: MULTIPLANAR_TYPE.GRID,
      meshThicknessOn2D: 0,
      isColorbar: false,
      loadingText: "",
      show3Dcrosshair: false,
      fontMinPx: 11,
      fontSizeScaling: 0.35,
      dragAndDropEnabled: false,
    });
    // the surfaces stand for the labels in 3-D, and nothing of the scan is shown there: casting its rays would cost seconds
    this.nv.drawImage3D = () => undefined;
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
    await this.nv.loadMeshes(
      names.map((name) => ({
        url: `${place}/meshes/${encodeURIComponent(name)}.ply`,
        name: `${name}.ply`,
        rgba255: new Uint8Array([...rgb(result.structures.find((s) => s.name === name)?.colour ?? "#cccccc"), 255]) as never,
        opacity: 1,
        visible: true,
      })),
    );
    this.dressMeshes();
    this.goToFirst();
    // the costly 3-D view only where there is something in it
    this.nv.opts.multiplanarShowRender = this.nv.meshes.length > 0 ? SHOW_RENDER.ALWAYS : SHOW_RENDER.NEVER;
    this.nv.drawScene();
  }

  /** When a case opens, the middle of its first structure is shown: the middle of a scan may lie between two legs. */
  private goToFirst(): void {
    const points = this.nv.meshes[0]?.pts;
    if (this.wasPlaced || !points || points.length === 0) return;
    this.wasPlaced = true;
    const sums = [0, 0, 0];
    points.forEach((value, n) => (sums[n % 3] = (sums[n % 3] ?? 0) + value));
    const count = points.length / 3;
    this.goToMm([(sums[0] ?? 0) / count, (sums[1] ?? 0) / count, (sums[2] ?? 0) / count]);
  }

  async showDifference(first: string, second: string): Promise<void> {
    this.clearOverlay();
    this.structures = DIFFERENCES;
    const query = `first=${encodeURIComponent(first)}&second=${encodeURIComponent(second)}`;
    await this.overlay(`${caseAt(this.about.name)}/difference.nii?${query}`);
  }

  private async overlay(url: string): Promise<void> {
    const labels = await NVImage.loadFromUrl({ url: (await bytes(url)) as never, name: "labels.nii", opacity: 1 });
    if (labels.hdr) labels.hdr.intent_code = LABELS;
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
    const seen = this.structures.map((s) => ({ ...s, rgb: rgb(s.colour), alpha: this.hidden.has(s.name) ? 0 : 255 }));
    labels.setColormapLabel({
      R: [0, ...seen.map((s) => s.rgb[0])],
      G: [0, ...seen.map((s) => s.rgb[1])],
      B: [0, ...seen.map((s) => s.rgb[2])],
      A: [0, ...seen.map((s) => s.alpha)],
      I: [0, ...seen.map((s) => s.value)],
      labels: ["", ...seen.map((s) => s.name)],
    } as never);
    labels.opacity = this.labelled ? this.opacity : 0;
    // outlines are drawn whatever the opacity is
    this.nv.opts.atlasOutline = this.outlined && this.labelled ? 1 : 0;
  }

  private dressMeshes(): void {
    for (const mesh of this.nv.meshes) {
      mesh.visible = this.labelled && !this.hidden.has(mesh.name.replace(/\.ply$/, ""));
    }
  }

  /** Structures that this result has, as far as their surfaces tell. */
  get present(): Structure[] {
    const names = new Set(this.nv.meshes.map((mesh) => mesh.name.replace(/\.ply$/, "")));
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
  get counts(): [number, number, number] {
    const dims = this.scan.dimsRAS ?? [3, 1, 1, 1];
    return [dims[1] ?? 1, dims[2] ?? 1, dims[3] ?? 1];
  }

  goToVoxel(axis: 0 | 1 | 2, slice: number): void {
    const at = this.nv.scene.crosshairPos;
    const count = this.counts[axis];
    at[axis] = (Math.min(Math.max(slice, 0), count - 1) + 0.5) / count;
    this.nv.drawScene();
    this.moved(this.place());
  }

  goToMm(mm: [number, number, number]): void {
    this.nv.scene.crosshairPos = this.nv.mm2frac(mm as never, 0, true);
    this.nv.drawScene();
    this.moved(this.place());
  }

  place(): Place {
    const counts = this.counts;
    const at = this.nv.scene.crosshairPos;
    const voxel = counts.map((n, axis) => Math.min(n - 1, Math.max(0, Math.floor((at[axis] ?? 0.5) * n)))) as [number, number, number];
    const mm = this.nv.frac2mm(at, 0, true);
    return {
      mm: [mm[0] ?? 0, mm[1] ?? 0, mm[2] ?? 0],
      voxel,
      intensity: this.valueAt(this.scan, voxel),
      label: this.labels ? this.valueAt(this.labels, voxel) : 0,
    };
  }

  /** Index of a voxel, given by its slices in RAS order, in the array as the file stores it. */
  stored(image: NVImage, voxel: [number, number, number]): number {
    const step = image.img2RASstep ?? [1, 1, 1];
    const start = image.img2RASstart ?? [0, 0, 0];
    return voxel.reduce((sum, v, axis) => sum + (start[axis] ?? 0) + v * (step[axis] ?? 1), 0);
  }

  private valueAt(image: NVImage, voxel: [number, number, number]): number {
    const value = Number(image.img?.[this.stored(image, voxel)] ?? 0);
    return value * (image.hdr?.scl_slope || 1) + (image.hdr?.scl_inter || 0);
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
    const png = await new Promise<Blob | null>((done) => this.twin?.beside().toBlob(done));
    if (!png) throw new Error("The picture could not be made. Try it with one picture.");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(png);
    link.download = name;
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}
