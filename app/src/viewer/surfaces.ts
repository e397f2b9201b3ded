// Surfaces of a result in 3-D, one a structure.

import type { Niivue } from "@niivue/niivue";
import type { Structure } from "../api";
import { rgb } from "./colours";

const UNKNOWN = "#cccccc";

/** The structure that a surface is of: the viewer keeps it as the name of a file. */
export const structureOf = (mesh: { name: string }): string => mesh.name.replace(/\.ply$/, "");

/** Loads the surfaces of the named structures from below `place`. */
export async function loadSurfaces(nv: Niivue, place: string, names: string[], structures: Structure[]): Promise<void> {
  const colour = (name: string): string => structures.find((s) => s.name === name)?.colour ?? UNKNOWN;
  await nv.loadMeshes(
    names.map((name) => ({
      url: `${place}/meshes/${encodeURIComponent(name)}.ply`,
      name: `${name}.ply`,
      rgba255: new Uint8Array([...rgb(colour(name)), 255]) as never,
      opacity: 1,
      visible: true,
    })),
  );
}
