/** One answer at a time: it is asked for, shown as it comes, and can be stopped. */

import * as api from "./api.js";
import { announce, byId, Reader } from "./dom.js";
import { nameOf, refresh } from "./media.js";
import { mediaUpTo, requestFor } from "./messages.js";
import { settings } from "./settings.js";
import { drawAnswers, showAnswer } from "./turns.js";

const SEEDS = 2 ** 31;
let running = null;
const listeners = [];

/** `listener(busy)` is told when an answer begins and ends. */
export const whenBusy = (listener) => listeners.push(listener);
/** Stops the answer that is coming; what came of it is kept. */
export const stop = () => running?.abort();

/** Stops it because another conversation or question is shown. */
export function leave() {
  stop();
  setRunning(null);
}

function setRunning(controller) {
  running = controller;
  listeners.forEach((listener) => listener(controller !== null));
  document.querySelectorAll(".asks").forEach((button) => { button.disabled = controller !== null; });
}

/**
 * Fills in the answer of `target`, which is the turn or one of its comparisons, and tells what went wrong.
 *
 * A comparison has the seed of the answer beside it, so that only its media differ. `from` names the button that asked:
 * the focus waits on Stop and then returns there.
 */
export async function answer({ conversation, turn, target, model, change = {}, from = null }, actions) {
  leave();
  const number = conversation.turns.indexOf(turn);
  const seed = target === turn ? settings().seed ?? Math.floor(Math.random() * SEEDS) : turn.answer.seed;
  const said = { text: "", state: "running", seed };
  target.answer = said;
  drawTurn(conversation, turn, actions);
  const controller = new AbortController();
  setRunning(controller);
  if (from) byId("send").focus();
  announce("Answering");
  const place = 1 + turn.comparisons.indexOf(target); // the turn itself, which is none of them, comes first
  const view = byId(`turn-${turn.id}`).querySelectorAll(".answer")[place];
  view.scrollIntoView({ block: "nearest" });
  const media = target === turn ? mediaUpTo(conversation, number) : [];
  let [problem, request] = [null, null];
  try {
    request = await requestFor(conversation, number, model, settings(), seed, change);
    await follow(api.answer(request, controller.signal), said, view, media);
    said.state = "done";
  } catch (error) {
    said.state = controller.signal.aborted ? "stopped" : "failed";
    if (said.state === "failed") [problem, said.error] = [error, withNames(error.message, request)];
  }
  if (running === controller) ended(conversation, turn, said, from, actions);
  return problem;
}

/** The server names a file by its place in the request, a person by its name. */
const withNames = (text, request) => text.replace(/messages\[(\d+)\]\.content\[(\d+)\][\w.]*/g,
  (place, message, part) => nameOf(request?.messages[message]?.content[part]) ?? place);

/** Reads the answer's events as they come, and shows it at most once per frame. */
async function follow(events, said, view, media) {
  const started = performance.now();
  const reader = new Reader();
  let frame = 0;
  const draw = () => {
    frame = 0;
    if (said.state !== "running") return;
    keepingEnd(() => showAnswer(view, said));
    reader.read(said.text);
  };
  for await (const { text, finish, usage, attachments } of events) {
    said.seconds = (performance.now() - started) / 1000;
    if (text) {
      said.first ??= said.seconds;
      said.text += text;
      frame ||= requestAnimationFrame(draw);
    }
    said.finish = finish ?? said.finish;
    said.usage = usage ?? said.usage;
    if (attachments) media.forEach((medium, at) => refresh(medium, attachments.filter(({ part }) => part === at)));
  }
  reader.read(said.text, true);
}

function ended(conversation, turn, said, from, actions) {
  const returns = from && document.activeElement === byId("send");
  setRunning(null);
  keepingEnd(() => drawTurn(conversation, turn, actions));
  if (returns) document.querySelector(`[data-focus="${from}"]`).focus();
  announce({ stopped: "Stopped", failed: `Failed: ${said.error}`, done: "The answer is complete" }[said.state]);
}

/** Draws the answers of a turn. */
export function drawTurn(conversation, turn, actions) {
  const seen = mediaUpTo(conversation, conversation.turns.indexOf(turn));
  drawAnswers(byId(`turn-${turn.id}`), turn, seen, actions);
}

/** The newest words stay in view while the reader is at the end, and are not forced on one who scrolled up. */
function keepingEnd(draw) {
  const pane = byId("conversation");
  const atEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 80;
  draw();
  if (atEnd) pane.scrollTop = pane.scrollHeight;
}
