// Runs before the first paint, so that the page never flashes in the other colours. The choice is kept in this browser.
"use strict";
{
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const read = () => { try { return localStorage.getItem("macaw-theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("macaw-theme", theme); } catch { /* not kept */ } };
  const chosen = read();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const dark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
    const name = () => {
      button.title = dark() ? "Switch to light colours" : "Switch to dark colours";
      button.setAttribute("aria-label", button.title);
      root.classList.toggle("is-dark", dark());
    };
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      keep(root.dataset.theme);
      name();
    });
    system.addEventListener("change", name);
    name();
  });
}
