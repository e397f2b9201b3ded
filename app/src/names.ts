// Names that nothing has yet.

/** The name, or the name with the first number that is free; `taken` are in lower case. */
export function freeName(name: string, taken: string[]): string {
  for (let n = 1; ; n++) {
    const wished = n === 1 ? name : `${name}-${n}`;
    if (!taken.includes(wished.toLowerCase())) return wished;
  }
}

/** The first free name of a row: scan-001, scan-002. */
export function numberedName(stem: string, taken: string[]): string {
  for (let n = 1; ; n++) {
    const wished = `${stem}-${String(n).padStart(3, "0")}`;
    if (!taken.includes(wished.toLowerCase())) return wished;
  }
}
