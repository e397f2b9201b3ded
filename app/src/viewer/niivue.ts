// NiiVue as a radiologist expects it, and what it draws as a file.

import { MULTIPLANAR_TYPE, Niivue, SHOW_RENDER } from "@niivue/niivue";

export function radiologicalViewer(): Niivue {
  const nv = new Niivue({
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
  nv.drawImage3D = () => undefined;
  return nv;
}

/** Saves a drawn canvas as PNG. */
export async function saveCanvas(canvas: HTMLCanvasElement, name: string): Promise<void> {
  const png = await new Promise<Blob | null>((done) => canvas.toBlob(done));
  if (!png) throw new Error("The picture could not be made. Try it with one picture.");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(png);
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
