/** The inside of a paragraph: emphasis, code, links. No rule looks far ahead, so that no text is slow. */

import { make } from "./dom.js";

const SPAN = 1000;
const DEEPEST = 8;
const SPECIAL = /[\\`!\[<*_~\n]|https?:\/\//g;
const TARGET = String.raw`\(\s*<?((?:[^\s()<>]|\([^\s()<>]*\)){1,2000})>?(?:\s+"[^"\n]{0,300}")?\s*\)`;
const WORDS = String.raw`((?:[^\[\]]|\[[^\[\]]*\]){1,${SPAN}})`;

const unpadded = (code) => code.replace(/\n/g, " ").replace(/^ (.+) $/, "$1");
const wrap = (tag) => (match, depth) => make(tag, {}, ...inline(match[1], depth + 1));

/** What may stand at a position, and what becomes of it: the first rule that matches counts. */
const RULES = [
  [/\\([!-\/:-@[-`{-~])/y, (match) => match[1]],
  [/(`+)(?!`)([^]{1,1000}?)(?<!`)\1(?!`)/y, (match) => make("code", {}, unpadded(match[2]))],
  [new RegExp(`!\\[([^\\]\\n]{0,${SPAN}})\\]${TARGET}`, "y"), 
    (match) => link(`Image: ${match[1] || match[2]}`, match[2]) ?? match[0]],
  [new RegExp(`\\[${WORDS}\\]${TARGET}`, "y"), (match, depth) => link(match[1], match[2], depth) ?? match[0]],
  [/<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/y, (match) => link(match[1], match[1]) ?? match[0]],
  [/(?<![\w/])https?:\/\/[^\s<>"]{0,2000}[^\s<>".,;:!?'*_~\]})]/y, (match) => link(match[0], match[0]) ?? match[0]],
  [/\*\*(?=\S)([^]{0,1000}?[^\s*]\*{0,2})\*\*(?!\*)/y, wrap("strong")],
  [/(?<!\w)__(?=\S)([^]{0,1000}?[^\s_])__(?!\w)/y, wrap("strong")],
  [/\*(?=[^\s*])([^*]{0,1000}?(?:\*\*[^*]{1,1000}\*\*[^*]{0,1000}?)?[^\s*])\*(?!\*)/y, wrap("em")],
  [/(?<!\w)_(?=[^\s_])([^]{0,1000}?[^\s_])_(?!\w)/y, wrap("em")],
  [/~~(?=\S)([^]{0,1000}?\S)~~/y, wrap("del")],
  [/\n/y, () => make("br")],
];

/** A list of nodes and texts. */
export function inline(text, depth = 0) {
  if (depth > DEEPEST) return [text];
  const nodes = [];
  let plain = 0;
  let at = 0;
  const flush = (end) => { if (end > plain) nodes.push(text.slice(plain, end)); };
  while (at < text.length) {
    SPECIAL.lastIndex = at;
    const special = SPECIAL.exec(text);
    if (!special) break;
    at = special.index;
    const [node, length] = matched(text, at, depth);
    if (node === null) { at += 1; continue; }
    flush(at);
    nodes.push(node);
    at += length;
    plain = at;
  }
  flush(text.length);
  return nodes;
}

function matched(text, at, depth) {
  for (const [pattern, build] of RULES) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) return [build(match, depth), match[0].length];
  }
  return [null, 0];
}

/** A link to the web or to a mail program; null for any other target, such as javascript: or a path of this server. */
function link(words, target, depth = DEEPEST) {
  if (!/^(https?:\/\/|mailto:)/i.test(target) || !URL.canParse(target)) return null;
  const attributes = { href: target, title: target, target: "_blank", rel: "noopener noreferrer nofollow" };
  return make("a", attributes, ...inline(words, depth + 1));
}
