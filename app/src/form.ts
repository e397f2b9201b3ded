// A form made from a JSON schema: one field a key, with its default, and what the schema says of it.

import { h } from "./dom";

export interface Schema {
  type?: string;
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  $ref?: string;
  $defs?: Record<string, Schema>;
  enum?: string[];
  anyOf?: Schema[];
  minimum?: number;
  maximum?: number;
}
type Values = Record<string, unknown>;

export class SchemaForm {
  readonly element: HTMLElement;
  private readonly fields = new Map<string, { input: HTMLInputElement | HTMLSelectElement; first: unknown }>();

  /** `first` are keys (as `table.key`) that stand above, with label and explanation; `left` are not asked for. */
  constructor(
    private readonly schema: Schema,
    values: Values,
    first: [string, string, string][],
    left: string[],
  ) {
    const above = first.map(([path, label, title]) => this.field(path, label, this.at(path), valueAt(values, path), title));
    const rest = Object.entries(schema.properties ?? {}).filter(([key]) => !left.includes(key));
    const plain = rest.filter(([key, one]) => !this.solved(one).properties && !this.fields.has(key));
    const tables = rest.filter(([, one]) => this.solved(one).properties);
    this.element = h(
      "div",
      { class: "schema" },
      h("div", { class: "fields" }, ...above),
      h(
        "details",
        {},
        h("summary", {}, "All settings"),
        schema.description !== undefined && h("p", { class: "quiet explained" }, plainText(schema.description)),
        h("div", { class: "fields" }, ...plain.map(([key, one]) => this.field(key, key, this.solved(one), values[key]))),
        ...tables.map(([key, one]) => this.table(key, this.solved(one), (values[key] ?? {}) as Values)),
      ),
    );
  }

  /** Keys that were changed, as tables of a configuration. */
  changed(): Values {
    const found: Values = {};
    for (const [path, { input, first }] of this.fields) {
      const value = read(input);
      if (JSON.stringify(value) === JSON.stringify(first ?? null)) continue;
      const [table, key] = path.split(".");
      if (key === undefined) found[path] = value;
      else if (table !== undefined) found[table] = { ...(found[table] as Values | undefined), [key]: value };
    }
    return found;
  }

  /** Puts values into fields, as a person would; a key that has no field is left. */
  fill(tables: Values): void {
    for (const [name, value] of Object.entries(tables)) {
      const below = value !== null && typeof value === "object" && !Array.isArray(value) ? Object.entries(value as Values).map(([key, one]) => [`${name}.${key}`, one] as const) : [[name, value] as const];
      for (const [path, one] of below) {
        const held = this.fields.get(path);
        if (held) held.input.value = written(one, held.input.dataset.type === "string" || held.input.dataset.type === "number");
      }
    }
  }

  private table(name: string, schema: Schema, values: Values): HTMLElement {
    const keys = Object.entries(schema.properties ?? {}).filter(([key]) => !this.fields.has(`${name}.${key}`));
    return h(
      "details",
      { class: "table" },
      h("summary", {}, name),
      schema.description !== undefined && h("p", { class: "quiet explained" }, plainText(schema.description)),
      h("div", { class: "fields" }, ...keys.map(([key, one]) => this.field(`${name}.${key}`, key, this.solved(one), values[key]))),
    );
  }

  private field(path: string, label: string, schema: Schema, value: unknown, title = path): HTMLElement {
    const input = control(schema, value);
    input.id = `setting-${path}`;
    this.fields.set(path, { input, first: value });
    return h("label", { class: "field", title }, h("span", {}, label.replaceAll("_", " ")), input);
  }

  /** What a reference, or one that may be left out, stands for. */
  private solved(schema: Schema): Schema {
    if (schema.$ref !== undefined) return this.solved(this.schema.$defs?.[schema.$ref.split("/").at(-1) ?? ""] ?? {});
    const options = schema.anyOf?.filter((one) => one.type !== "null") ?? [];
    return options.length === 1 && options[0] ? this.solved(options[0]) : schema;
  }

  private at(path: string): Schema {
    let schema: Schema = this.schema;
    for (const key of path.split(".")) schema = this.solved(schema.properties?.[key] ?? {});
    return schema;
  }
}

function control(schema: Schema, value: unknown): HTMLInputElement | HTMLSelectElement {
  if (schema.enum) {
    const select = h("select", { "data-type": "string" }, ...schema.enum.map((one) => h("option", { value: one }, one)));
    select.value = String(value);
    return select;
  }
  if (schema.type === "boolean") return h("input", { type: "checkbox", checked: value === true, "data-type": "boolean" });
  const number = schema.type === "integer" || schema.type === "number";
  if (number) return h("input", { type: "number", step: schema.type === "integer" ? 1 : "any", min: schema.minimum, max: schema.maximum, value: value === null || value === undefined ? "" : String(value), "data-type": "number" });
  const simple = schema.type === "string";
  return h("input", { type: "text", value: written(value, simple), "data-type": simple ? "string" : "json", spellcheck: false });
}

const written = (value: unknown, simple: boolean): string => (value === null || value === undefined ? "" : simple ? String(value) : JSON.stringify(value));

function read(input: HTMLInputElement | HTMLSelectElement): unknown {
  const { type } = input.dataset;
  if (type === "boolean") return (input as HTMLInputElement).checked;
  if (input.value === "") return null;
  if (type === "number") return Number(input.value);
  if (type !== "json") return input.value;
  try {
    return JSON.parse(input.value) as unknown;
  } catch {
    return input.value; // the app says what it expects there
  }
}

function valueAt(values: Values, path: string): unknown {
  return path.split(".").reduce<unknown>((held, key) => (held as Values | undefined)?.[key], values);
}

/** A docstring without its marks. */
const plainText = (text: string): string => text.replace(/``/g, "").replace(/`([^`]*)`/g, "$1").replace(/\s+/g, " ");
