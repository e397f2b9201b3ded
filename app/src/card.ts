// A model's card: its Markdown as elements. Text stays text; what is not known here is a paragraph.

import { h } from "./dom";

const TABLE = /^\|(.*)\|\s*$/;
const RULE = /^[|\s:-]+$/;
const ITEM = /^[-*] +/;

export function cardOf(markdown: string): HTMLElement {
  const card = h("div", { class: "model-card" });
  for (const block of markdown.replace(/\r/g, "").split(/\n\s*\n/)) {
    const lines = block.split("\n").filter((line) => line.trim() !== "");
    const first = lines[0] ?? "";
    const heading = /^(#+) +(.*)/.exec(first);
    if (heading) {
      if ((heading[1] ?? "").length > 1) card.append(h("h3", {}, heading[2] ?? "")); // its title stands above already
      lines.shift();
    }
    if (lines.length === 0) continue;
    if (lines.every((line) => TABLE.test(line))) card.append(table(lines));
    else if (ITEM.test(lines[0] ?? "")) card.append(list(lines));
    else card.append(h("p", {}, ...spans(lines.join(" "))));
  }
  return card;
}

function table(lines: string[]): HTMLElement {
  const rows = lines.filter((line) => !RULE.test(line)).map((line) => (TABLE.exec(line)?.[1] ?? "").split("|").map((cell) => cell.trim()));
  const [head = [], ...body] = rows;
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ...head.map((cell) => h("th", { scope: "col" }, ...spans(cell))))), h("tbody", {}, ...body.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, ...spans(cell))))))));
}

/** Items may run over several lines. */
function list(lines: string[]): HTMLElement {
  const items: string[] = [];
  for (const line of lines) {
    if (ITEM.test(line)) items.push(line.replace(ITEM, ""));
    else items.push(`${items.pop() ?? ""} ${line.trim()}`);
  }
  return h("ul", {}, ...items.map((item) => h("li", {}, ...spans(item))));
}

/** Bold text, code, and links as their text: the app leads nowhere else. */
function spans(text: string): Node[] {
  const plain = text.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  return plain.split(/(\*\*[^*]+\*\*|`[^`]+`)/).map((part) => {
    if (part.startsWith("**") && part.length > 4) return h("strong", {}, part.slice(2, -2));
    if (part.startsWith("`") && part.length > 2) return h("code", {}, part.slice(1, -1));
    return document.createTextNode(part);
  });
}
