/** Markdown as elements: headings, lists, tables, quotes, code. HTML in it stays text, and nothing remote is loaded. */

import { button, copy, make } from "./dom.js";
import { inline } from "./inline.js";

const DEEPEST = 10;
const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^(\s{0,20})([-*+]|\d{1,9}[.)])(?:\s+(.*)|)$/;
const TABLE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

/** Shows a text in an element; blocks that are as they were stay as they are, so that a growing answer costs little. */
export function show(element, text) {
  const blocks = split(text.replace(/\r\n?/g, "\n").split("\n"));
  const shown = element.shown ?? [];
  blocks.forEach((block, number) => {
    const source = block.kind + block.lines.join("\n");
    if (shown[number] === source) return;
    const node = build(block, 0);
    if (element.children[number]) element.children[number].replaceWith(node);
    else element.append(node);
    shown[number] = source;
  });
  while (element.children.length > blocks.length) element.lastChild.remove();
  shown.length = blocks.length;
  element.shown = shown;
}

/** Lines as blocks: `kind` and the lines of each. */
function split(lines) {
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) { at += 1; continue; }
    const kind = kindOf(lines, at);
    const end = ENDS[kind](lines, at);
    blocks.push({ kind, lines: lines.slice(at, end) });
    at = end;
  }
  return blocks;
}

function kindOf(lines, at) {
  const line = lines[at];
  if (FENCE.test(line)) return "code";
  if (HEADING.test(line)) return "heading";
  if (RULE.test(line)) return "rule";
  if (QUOTE.test(line)) return "quote";
  if (ITEM.test(line)) return "list";
  return line.includes("|") && TABLE.test(lines[at + 1] ?? "") ? "table" : "paragraph";
}

const while_ = (lines, at, keep) => { while (at < lines.length && keep(lines[at], at)) at += 1; return at; };

/** The line behind a block that starts at `at`. */
const ENDS = {
  code(lines, at) {
    const fence = FENCE.exec(lines[at])[1];
    const closing = new RegExp(`^ {0,3}\\${fence[0]}{${fence.length},}\\s*$`);
    return Math.min(while_(lines, at + 1, (line) => !closing.test(line)) + 1, lines.length);
  },
  heading: (lines, at) => at + 1,
  rule: (lines, at) => at + 1,
  quote: (lines, at) => while_(lines, at, (line) => QUOTE.test(line)),
  table: (lines, at) => while_(lines, at, (line) => line.includes("|")),
  list(lines, at) {
    const ordered = /\d/.test(ITEM.exec(lines[at])[2]);
    const belongs = (line, number) => {
      const item = ITEM.exec(line);
      if (item) return !RULE.test(line) && (item[1].length > 1 || /\d/.test(item[2]) === ordered);
      if (!line.trim()) {
        const next = lines.slice(number, number + 3).find((other) => other.trim()) ?? "";
        return /^\s{2,}\S/.test(next) || ITEM.test(lines[number + 1] ?? "");
      }
      return /^\s{2,}/.test(line) || (lines[number - 1].trim() && kindOf(lines, number) === "paragraph");
    };
    return while_(lines, at + 1, belongs);
  },
  paragraph: (lines, at) => while_(lines, at + 1, (line, number) => {
    if (!line.trim()) return false;
    const kind = kindOf(lines, number);
    return kind === "paragraph" || (kind === "list" && !/^\s*([-*+]|1[.)])\s+\S/.test(line));
  }),
};

function build(block, depth) {
  return depth > DEEPEST ? make("p", {}, block.lines.join("\n")) : BUILDERS[block.kind](block.lines, depth);
}

const inside = (lines, depth) => split(lines).map((block) => build(block, depth + 1));

const BUILDERS = {
  paragraph: (lines) => make("p", {}, ...inline(lines.map((line) => line.trim()).join("\n"))),
  heading(lines) {
    const [, marks, words] = HEADING.exec(lines[0]);
    return make(`h${Math.min(marks.length + 2, 6)}`, {}, ...inline(words)); // the page has the first two levels
  },
  rule: () => make("hr"),
  quote: (lines, depth) => make("blockquote", {}, ...inside(lines.map((line) => line.replace(QUOTE, "")), depth)),
  code(lines) {
    const [, fence, language] = FENCE.exec(lines[0]);
    const closed = lines.length > 1 && lines.at(-1).trim().startsWith(fence);
    const code = lines.slice(1, closed ? -1 : undefined).join("\n");
    const name = language.trim().split(/\s/)[0];
    const copyButton = button("Copy code", "copy", (event) => copy(code, event.currentTarget));
    const scrolling = { tabindex: "0", role: "group", "aria-label": name ? `Code in ${name}` : "Code" };
    return make("div", { class: "code" }, make("div", { class: "code-bar" }, make("span", {}, name), copyButton),
      make("pre", scrolling, make("code", {}, code)));
  },
  table(lines) {
    const side = (cell) => (!cell.endsWith(":") ? null : cell.startsWith(":") ? "center" : "right");
    const sides = cells(lines[1]).map(side);
    const row = (line, tag) => {
      const words = cells(line);
      return make("tr", {}, ...sides.map((name, number) =>
        make(tag, { class: name, scope: tag === "th" && "col" }, ...inline(words[number] ?? ""))));
    };
    const body = lines.slice(2).map((line) => row(line, "td"));
    return make("div", { class: "table", tabindex: "0", role: "group", "aria-label": "Table" },
      make("table", {}, make("thead", {}, row(lines[0], "th")), make("tbody", {}, ...body)));
  },
  list(lines, depth) {
    const [, , marker] = ITEM.exec(lines[0]);
    const ordered = /\d/.test(marker);
    const items = itemsOf(lines).map((item) => make("li", {}, ...itemContent(item, depth)));
    return make(ordered ? "ol" : "ul", ordered ? { start: parseInt(marker, 10) } : {}, ...items);
  },
};

const cells = (line) => line.trim().replace(/^\||(?<!\\)\|$/g, "").split(/(?<!\\)\|/)
  .map((cell) => cell.trim().replaceAll("\\|", "|"));

/** The lines of every item of a list, without its marker and indentation. */
function itemsOf(lines) {
  const base = ITEM.exec(lines[0])[1].length;
  const items = [];
  let offset = 0;
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item && item[1].length <= base + 1) {
      offset = item[1].length + item[2].length + 1;
      items.push([item[3] ?? ""]);
    } else items.at(-1).push(line.slice(Math.min(offset, line.search(/\S|$/))));
  }
  return items;
}

/** A single paragraph stands in its item without an element of its own; boxes of tasks are shown as signs. */
function itemContent(lines, depth) {
  const task = /^\[([ xX])\]\s+/.exec(lines[0]);
  const words = task ? [lines[0].slice(task[0].length), ...lines.slice(1)] : lines;
  const nodes = inside(words, depth);
  if (nodes[0]?.tagName === "P") nodes.splice(0, 1, ...nodes[0].childNodes);
  return task ? [task[1] === " " ? "☐ " : "☑ ", ...nodes] : nodes;
}
