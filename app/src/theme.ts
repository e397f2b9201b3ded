// Dark or light: as the system says, until the user chooses.

import { h } from "./dom";

const KEY = "osteon-theme";

function current(): "dark" | "light" {
  const kept = localStorage.getItem(KEY);
  if (kept === "dark" || kept === "light") return kept;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function setTheme(): void {
  document.documentElement.dataset.theme = current();
}

export function themeButton(): HTMLElement {
  const label = (): string => (current() === "dark" ? "Light" : "Dark");
  const button = h("button", { class: "plain", title: "Change between dark and light pages" }, label());
  button.addEventListener("click", () => {
    localStorage.setItem(KEY, current() === "dark" ? "light" : "dark");
    setTheme();
    button.textContent = label();
  });
  return button;
}
