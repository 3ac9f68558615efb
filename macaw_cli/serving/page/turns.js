/** A question with its answer, and the answers without media or with another medium beside it. */

import { button, copy, icon, make } from "./dom.js";
import { card, preview } from "./media.js";
import { show } from "./markdown.js";

const WHY = "The same answer without the media, or with others, may mean that the model does not look. "
  + "One question can be luck: macaw evaluate asks many.";

/** The element of a turn; `actions` has regenerate, edit, blind, swap and drop (a comparison). */
export function turnView(turn, number, actions) {
  const question = make("div", { class: "question" });
  drawQuestion(question, turn, actions);
  const heading = make("h2", { class: "visually-hidden" }, `Question ${number + 1}`);
  return make("li", { class: "turn", id: `turn-${turn.id}` }, heading, question, make("div", { class: "answers" }));
}

function drawQuestion(element, turn, actions) {
  const edit = button("Edit the question", "edit", () => editQuestion(element, turn, actions), { class: "round edit" });
  element.replaceChildren(
    turn.media.length > 0 && make("div", { class: "media" }, ...turn.media.map((medium) => card(medium))) || "",
    make("div", { class: "row" }, edit, turn.question && make("p", { class: "bubble" }, turn.question)));
}

function editQuestion(element, turn, actions) {
  const field = make("textarea", { rows: "3", "aria-label": "Edit the question" });
  let kept = turn.media;
  const files = element.querySelector(".media");
  const drawFiles = () => files?.replaceChildren(...kept.map((medium) =>
    card(medium, button(`Remove ${medium.name}`, "close", () => {
      kept = kept.filter((other) => other !== medium);
      drawFiles();
      field.focus();
    }))));
  field.value = turn.question;
  const cancel = () => { drawQuestion(element, turn, actions); element.querySelector(".edit").focus(); };
  const submit = (event) => {
    event?.preventDefault();
    if (field.value.trim() || kept.length) actions.edit(turn, field.value.trim(), kept);
  };
  const form = make("form", { class: "editing", onsubmit: submit }, field, make("div", { class: "row end" },
    make("button", { type: "button", class: "quiet", onclick: cancel }, "Cancel"),
    make("button", { type: "submit", class: "primary" }, "Ask again")));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { event.stopPropagation(); cancel(); }
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target === field) submit(event);
  });
  element.querySelector(".row").replaceWith(form);
  drawFiles();
  field.focus();
}

/** Draws the answers of a turn anew; `seen` are the media up to it. The focus stays on the button that it was on. */
export function drawAnswers(element, turn, seen, actions) {
  const focused = document.activeElement?.closest(".answers") && document.activeElement.dataset.focus;
  const compared = turn.comparisons.length > 0;
  const asked = answerView(turn.answer, "Answer", compared && head("As asked", seen.slice(-3)));
  const others = turn.comparisons.map((one) => {
    const name = one.kind === "blind" ? "Without media" : `With ${one.medium.name}`;
    const remove = button("Remove this comparison", "close", () => actions.drop(turn, one), { "data-focus": one.id });
    const header = head(name, one.medium ? [one.medium] : [], remove);
    return answerView(one.answer, name, header, verdict(turn.answer, one.answer));
  });
  const why = compared && make("p", { class: "why muted" }, WHY);
  element.querySelector(".answers").replaceChildren(
    make("div", { class: compared ? "columns" : "column" }, asked, ...others), why || "",
    actionsOf(turn, seen.length > 0, actions));
  if (focused) element.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}

function head(name, media, ...buttons) {
  const drawing = (kind) => make("span", { class: "preview" }, icon(kind));
  const shown = media.map((medium) => (medium.kind === "image" ? preview(medium) : drawing(medium.kind)));
  return make("div", { class: "answer-head" }, ...(shown.length ? shown : [drawing("blind")]),
    make("bdi", { class: "name", title: name }, name), ...buttons);
}

function answerView(answer, name, header, result) {
  const busy = String(answer.state === "running");
  const view = make("div", { class: "answer", role: "group", "aria-label": name, "aria-busy": busy },
    header, make("div", { class: "text" }), result);
  showAnswer(view, answer);
  return view;
}

/** The text of an answer as far as it came, and below it how it ended. */
export function showAnswer(view, answer) {
  const running = answer.state === "running";
  const text = view.querySelector(".text");
  if (answer.text) show(text, answer.text);
  else if (running) text.replaceChildren(make("p", { class: "waiting" }, make("i"), make("i"), make("i")));
  else text.replaceChildren();
  view.querySelector(".ending")?.remove();
  if (!running) view.append(ending(answer));
}

function ending(answer) {
  const failed = answer.state === "failed";
  const cut = answer.finish === "length" && "Cut off at the largest number of tokens; Settings can raise it.";
  const empty = !answer.text.trim() && "The answer is empty.";
  const note = failed ? answer.error : answer.state === "stopped" ? "Stopped." : cut || empty;
  return make("div", { class: "ending" }, note && make("p", { class: "note", role: failed && "alert" }, note),
    make("p", { class: "facts" }, ...facts(answer).map((fact) => make("span", {}, fact))));
}

function facts({ usage, seconds, first }) {
  const told = [];
  if (usage) told.push(`${usage.prompt_tokens} tokens in, ${usage.completion_tokens} out`);
  if (first) told.push(`first after ${first.toFixed(2)} s`);
  const later = (usage?.completion_tokens ?? 0) - 1;
  // a few tokens may arrive in one piece, and then their speed is that of the network
  if (later >= 8 && seconds > first) told.push(`${Math.round(later / (seconds - first))} tokens/s`);
  return told;
}

function verdict(asked, other) {
  if (other.state !== "done" || asked.state !== "done") return null;
  const same = asked.text.trim() === other.text.trim();
  return make("p", { class: same ? "verdict same" : "verdict" }, same ? "The same answer" : "Another answer");
}

function actionsOf(turn, seen, actions) {
  const one = (name, does, key, title) => button(name, key, () => does(turn),
    { visible: true, class: `quiet asks ${key}`, "data-focus": `${key}-${turn.id}`, title });
  const copied = ({ currentTarget }) => copy(turn.answer.text, currentTarget);
  return make("div", { class: "actions" },
    turn.answer.text && button("Copy the answer", "copy", copied, { "data-focus": `copy-${turn.id}` }),
    one("Regenerate", actions.regenerate, "regenerate", "Answer once more"),
    seen && one("Blind", actions.blind, "blind", "The answer without media, beside this one"),
    seen && one("Swap", actions.swap, "swap", "The answer with another file of the same kind, beside this one"));
}
