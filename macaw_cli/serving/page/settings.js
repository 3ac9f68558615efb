/** The dialog of settings: system prompt and sampling, kept in this browser, and the API key, kept in this tab. */

import { key, setKey } from "./api.js";
import { byId } from "./dom.js";

const PLACE = "macaw-settings";
const NUMBERS = ["temperature", "topP", "maxTokens", "seed"];

/** { system, temperature, topP, maxTokens, seed }; what is null the model decides. */
export function settings() {
  let kept = {};
  try { kept = JSON.parse(localStorage.getItem(PLACE)) ?? {}; } catch { /* none, or not ours */ }
  const numbers = NUMBERS.map((name) => [name, Number.isFinite(kept[name]) ? kept[name] : null]);
  return { system: typeof kept.system === "string" ? kept.system : "", ...Object.fromEntries(numbers) };
}

/** Opens the dialog, at the field of the key where the server asks for it; `changed` is called after it was saved. */
export function openSettings({ why = "", changed = () => {} } = {}) {
  const dialog = byId("settings");
  const form = dialog.querySelector("form");
  const now = settings();
  form.system.value = now.system;
  NUMBERS.forEach((name) => { form[name].value = now[name] ?? ""; });
  form.key.value = key();
  byId("key-why").textContent = why;
  form.onsubmit = (event) => {
    event.preventDefault();
    save(form);
    dialog.close();
    changed();
  };
  form.querySelector("[value=reset]").onclick = () => NUMBERS.forEach((name) => { form[name].value = ""; });
  form.querySelector("[value=cancel]").onclick = () => dialog.close();
  if (!dialog.open) dialog.showModal();
  (why ? form.key : form.system).focus();
}

function save(form) {
  const numbers = NUMBERS.map((name) => [name, form[name].value === "" ? null : form[name].valueAsNumber]);
  try {
    localStorage.setItem(PLACE, JSON.stringify({ system: form.system.value.trim(), ...Object.fromEntries(numbers) }));
  } catch { /* this browser keeps nothing */ }
  setKey(form.key.value.trim());
}
