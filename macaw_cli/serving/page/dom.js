/** Elements without markup: whatever text comes in stays text. */

const ENDS = [". ", "? ", "! ", "\n"];
const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** An element; attributes that start with `on` are listeners, those that are false or missing are left out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** One of the drawings in index.html. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** A button with a drawing; `visible` shows its name beside it, else the name is for assistive technology and a tip. */
export function button(name, drawing, onclick, { visible = false, ...attributes } = {}) {
  const named = visible ? {} : { "aria-label": name, title: name };
  return make("button", { type: "button", class: visible ? "quiet" : "round", onclick, ...named, ...attributes },
    icon(drawing), visible && make("span", {}, name));
}

/** Says something to a screen reader, and shows nothing. */
export function announce(text) {
  byId("live").append(make("p", {}, text));
  while (byId("live").children.length > 40) byId("live").firstChild.remove();
}

/** A text's complete sentences and lines, said as they come. */
export class Reader {
  #said = 0;

  read(text, complete = false) {
    const rest = text.slice(this.#said);
    const end = complete ? rest.length : Math.max(...ENDS.map((mark) => rest.lastIndexOf(mark))) + 1;
    if (end > 0 && rest.slice(0, end).trim()) announce(rest.slice(0, end).trim());
    this.#said += Math.max(end, 0);
  }
}

/** Bytes for people. */
export function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${Math.round(bytes / 1024)} kB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

/** Copies a text; a page that came over plain http from another machine may not, and says so. */
export async function copy(text, pressed) {
  try {
    await navigator.clipboard.writeText(text);
    announce("Copied");
    pressed.classList.add("copied");
    setTimeout(() => pressed.classList.remove("copied"), 1500);
  } catch {
    announce("The browser does not let this page copy. Select the text and press Ctrl+C.");
    pressed.title = "The browser does not let this page copy: select the text and press Ctrl+C";
  }
}
