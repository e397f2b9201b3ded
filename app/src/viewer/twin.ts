// The same slices a second time beside the first, without labels: what is there, next to what was made of it.

import { NVImage, Niivue, SHOW_RENDER, type SLICE_TYPE } from "@niivue/niivue";
import { h } from "../dom";

export class Twin {
  readonly canvas = h("canvas", { id: "twin", "aria-label": "The same slices without labels" });
  private readonly nv: Niivue;

  constructor(private readonly first: Niivue) {
    this.nv = new Niivue({ ...first.opts, multiplanarShowRender: SHOW_RENDER.NEVER, dragAndDropEnabled: false, atlasOutline: 0 });
  }

  /** Beside the first picture, at the same place in the body; either moves the other. */
  async open(frame: HTMLElement, scan: ArrayBuffer, slices: SLICE_TYPE): Promise<void> {
    frame.classList.add("halved");
    frame.prepend(this.canvas);
    await this.nv.attachToCanvas(this.canvas);
    this.first.resizeListener(); // its frame is as large as before, and so it would not know
    this.nv.addVolume(await NVImage.loadFromUrl({ url: scan as never, name: "scan.nii", colormap: "gray", percentileFrac: 0.01 }));
    this.nv.setSliceType(slices);
    this.window();
    const both = { "2d": true, "3d": false, crosshair: true, zoomPan: true };
    this.first.broadcastTo([this.nv], both);
    this.nv.broadcastTo([this.first], both);
    this.nv.scene.crosshairPos = this.first.scene.crosshairPos;
    this.nv.drawScene();
  }

  setSlices(slices: SLICE_TYPE): void {
    this.nv.setSliceType(slices);
  }

  /** Brightness and contrast of the first. */
  window(low = this.first.volumes[0]?.cal_min, high = this.first.volumes[0]?.cal_max): void {
    const scan = this.nv.volumes[0];
    if (!scan || low === undefined || high === undefined) return;
    scan.cal_min = low;
    scan.cal_max = high;
    this.nv.updateGLVolume();
  }

  close(): void {
    this.first.broadcastTo([]);
    this.nv.broadcastTo([]);
    this.nv.gl.getExtension("WEBGL_lose_context")?.loseContext();
    this.canvas.parentElement?.classList.remove("halved");
    this.canvas.remove();
    this.first.resizeListener();
  }

  /** Draws itself left of the first, in one picture. */
  beside(): HTMLCanvasElement {
    const { canvas, first } = this;
    const page = h("canvas", { width: canvas.width + (first.canvas?.width ?? 0), height: Math.max(canvas.height, first.canvas?.height ?? 0) });
    const context = page.getContext("2d");
    this.nv.drawScene(); // a drawn picture can be copied only until the browser has shown it
    context?.drawImage(canvas, 0, 0);
    first.drawScene();
    if (first.canvas) context?.drawImage(first.canvas, canvas.width, 0);
    return page;
  }
}
