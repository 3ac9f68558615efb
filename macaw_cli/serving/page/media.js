/** Attachments: which kind a file is, how it is sent, and how it is shown. */

import { icon, make, sizeOf } from "./dom.js";
import { holdMedium, mediumOf, newId } from "./store.js";

const KINDS = { image: "image", audio: "audio file", video: "video" };
const urls = new Map();
const names = new WeakMap();

/** The kind of a file as the server's table has it, else as the browser knows it; null for other files. */
export function kindOf(file, extensions) {
  const ending = /\.[^.]+$/.exec(file.name.toLowerCase())?.[0];
  const known = Object.keys(KINDS).find((kind) => extensions[kind]?.includes(ending));
  const told = file.type.split("/")[0];
  return known ?? (told in KINDS ? told : null);
}

/** A file as a medium of a question; throws where the model does not take it. */
export function fromFile(file, extensions) {
  const kind = kindOf(file, extensions);
  if (!(kind in extensions)) {
    const takes = inWords(Object.keys(extensions));
    const not = kind ? `This model was not trained on ${kind} files` : `${file.name} is not a file that this model takes`;
    throw new Error(takes ? `${not}. Attach ${takes}.` : "This model takes text only.");
  }
  if (!file.size) throw new Error(`${file.name} is empty.`);
  const medium = { id: newId(), name: file.name, kind, type: file.type, size: file.size };
  holdMedium(medium.id, file);
  return medium;
}

/** Kinds for people: "an image, an audio file or a video". */
export function inWords(kinds) {
  const known = Object.keys(KINDS).filter((kind) => kinds.includes(kind));
  const names = known.map((kind) => `${kind === "video" ? "a" : "an"} ${KINDS[kind]}`);
  return [names.slice(0, -1).join(", "), names.at(-1)].filter(Boolean).join(" or ");
}

/** For a file dialog. */
export const accepted = (extensions, kinds = Object.keys(KINDS)) =>
  kinds.filter((kind) => kind in extensions).flatMap((kind) => [`${kind}/*`, ...extensions[kind]]).join(",");

/** The name of the file that a part of a message holds. */
export const nameOf = (part) => names.get(part);

/** A medium as a part of a message. */
export async function asPart(medium) {
  const part = await partOf(medium);
  names.set(part, medium.name);
  return part;
}

async function partOf(medium) {
  const blob = await mediumOf(medium.id);
  if (!blob) throw new Error(`${medium.name} is not in this browser any more. Attach it again.`);
  const url = await dataUrl(blob, medium);
  const format = { "audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3" }[medium.type];
  if (format) return { type: "input_audio", input_audio: { data: url.slice(url.indexOf(",") + 1), format } };
  return { type: `${medium.kind}_url`, [`${medium.kind}_url`]: { url } };
}

function dataUrl(blob, { kind, name, type }) {
  const ending = /\.(\w+)$/.exec(name)?.[1] ?? "octet-stream";
  const typed = new Blob([blob], { type: type.startsWith(`${kind}/`) ? type : `${kind}/${ending.toLowerCase()}` });
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error(`The browser cannot read ${name}.`));
    reader.readAsDataURL(typed);
  });
}

/** The medium itself: an image, or a player. What the browser cannot show is named. */
export function preview(medium) {
  const frame = make("span", { class: `preview ${medium.kind}` });
  const failed = () => frame.replaceChildren(icon(medium.kind), make("span", { class: "muted" }, "no preview"));
  const name = `${KINDS[medium.kind]} ${medium.name}`;
  const element = medium.kind === "image" ? make("img", { alt: name, onerror: failed })
    : make(medium.kind, { controls: true, preload: "metadata", "aria-label": name, onerror: failed });
  frame.append(element);
  urlOf(medium).then((url) => { if (url) element.src = url; else failed(); }, failed);
  return frame;
}

async function urlOf(medium) {
  if (!urls.has(medium.id)) {
    const blob = await mediumOf(medium.id);
    if (!blob) return null;
    urls.set(medium.id, URL.createObjectURL(blob));
  }
  return urls.get(medium.id);
}

/** A medium with its name and what it became; `extra` are buttons. */
export function card(medium, ...extra) {
  const became = describe(medium.became ?? []) || sizeOf(medium.size);
  return make("figure", { class: "medium" }, preview(medium),
    make("figcaption", {}, make("bdi", { class: "name", title: medium.name }, medium.name),
      make("span", { class: "muted", "data-medium": medium.id }, became)), ...extra);
}

/** Notes what a medium became, and shows it wherever the medium stands. */
export function refresh(medium, became) {
  medium.became = became;
  for (const shown of document.querySelectorAll(`[data-medium="${CSS.escape(medium.id)}"]`)) {
    shown.textContent = describe(became);
  }
}

const tenths = (seconds) => Number(seconds).toFixed(1);

/** What the server made of a medium: "8 frames from 0.0 to 3.5 s, 39 soft tokens; audio 2.0 s, 6 soft tokens". */
export function describe(became) {
  return became.map((one) => {
    const told = [one.pixels && one.pixels.join(" × ")];
    const span = one.frame_span_s ? ` from ${one.frame_span_s.map(tenths).join(" to ")} s` : "";
    if (one.frames) told.push(`${one.frames} frames${span}`);
    const whole = one.duration_s > one.heard_s + 0.1 ? ` of ${tenths(one.duration_s)} s` : "";
    if (one.heard_s) told.push(`${tenths(one.heard_s)} s${whole}`);
    told.push(`${one.soft_tokens} soft tokens`);
    return (one.soundtrack ? "its audio: " : "") + told.filter(Boolean).join(", ");
  }).join("; ");
}
