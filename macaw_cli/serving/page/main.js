/** The page: one conversation at a time, its questions and answers, and what can be done with them. */

import { answer, drawTurn, leave, stop, whenBusy } from "./answering.js";
import * as api from "./api.js";
import { Composer } from "./composer.js";
import { announce, byId } from "./dom.js";
import { accepted, fromFile, inWords } from "./media.js";
import { mediaUpTo } from "./messages.js";
import { confirmed, dismiss, notify } from "./notice.js";
import { openSettings } from "./settings.js";
import { closeSidebar, drawList, exportConversation, prepareSidebar } from "./sidebar.js";
import * as store from "./store.js";
import { turnView } from "./turns.js";

let model = null;
let conversation = null;
let conversations = [];

const composer = new Composer(ask, stop);
const actions = { edit, regenerate, blind, swap, drop };
const listActions = { open, exportIt, remove };

function begin() {
  leave();
  store.remember(null);
  conversation = { id: store.newId(), title: "", updated: Date.now(), turns: [] };
  drawAll();
  byId("question").focus();
}

function open(other) {
  leave();
  store.remember(other);
  conversation = other;
  closeSidebar();
  drawAll();
  byId("conversation").scrollTop = byId("conversation").scrollHeight;
}

function ask(question, media) {
  const turn = { id: store.newId(), question, media, answer: null, comparisons: [] };
  conversation.title ||= (question || media[0].name).slice(0, 80);
  conversation.turns.push(turn);
  store.remember(conversation);
  if (!conversations.includes(conversation)) conversations.unshift(conversation);
  addTurn(turn, conversation.turns.length - 1);
  return respond(turn, turn);
}

/** Asks the model, and keeps the conversation before and after. */
async function respond(turn, target, change = {}, from = null) {
  const own = conversation;
  own.updated = Date.now();
  conversations.sort((one, other) => other.updated - one.updated);
  const coming = answer({ conversation: own, turn, target, model, change, from }, actions);
  drawList(conversations, conversation, listActions);
  keep(() => store.saveConversation(own));
  const problem = await coming;
  if (problem?.needsKey) openSettings({ why: problem.message, changed: connect });
  if (conversations.includes(own)) await keep(() => store.saveConversation(own)); // else it was deleted meanwhile
}

/** The conversation goes on from the edited question. */
function edit(turn, question, media) {
  const own = conversation;
  const before = own.turns;
  const number = before.indexOf(turn);
  const later = before.length - number - 1;
  keep(() => store.holdMedia(own)); // for Undo: they are removed with the next save
  leave();
  const edited = { ...turn, id: store.newId(), question, media, comparisons: [] };
  own.turns = [...before.slice(0, number), edited];
  drawAll();
  byId("question").focus();
  respond(edited, edited);
  const gone = later ? ` ${later} later ${later > 1 ? "questions are" : "question is"} gone.` : "";
  notify(`The question was edited.${gone}`, ["Undo", () => {
    own.turns = before;
    open(own);
    keep(() => store.saveConversation(own));
    byId("question").focus();
  }]);
}

function regenerate(turn) {
  turn.comparisons = [];
  return respond(turn, turn, {}, `regenerate-${turn.id}`);
}

function blind(turn) {
  turn.comparisons = turn.comparisons.filter(({ kind }) => kind !== "blind");
  return compare(turn, { kind: "blind" }, { blind: true });
}

function compare(turn, comparison, change) {
  turn.comparisons.push({ id: store.newId(), ...comparison });
  return respond(turn, turn.comparisons.at(-1), change, `${comparison.kind}-${turn.id}`);
}

/** Another file takes the place of the newest medium of its kind. */
function swap(turn) {
  const media = mediaUpTo(conversation, conversation.turns.indexOf(turn));
  const kinds = [...new Set(media.map(({ kind }) => kind))];
  const input = byId("swap-file");
  input.accept = accepted(model.extensions, kinds);
  input.value = "";
  input.onchange = () => {
    try {
      const medium = fromFile(input.files[0], model.extensions);
      const replaced = media.findLast(({ kind }) => kind === medium.kind);
      if (!replaced) throw new Error(`There is no ${medium.kind} to swap. Choose ${inWords(kinds)}.`);
      compare(turn, { kind: "swap", medium }, { replaced: replaced.id, medium });
    } catch (error) {
      notify(error.message);
    }
  };
  input.click();
}

function drop(turn, comparison) {
  turn.comparisons = turn.comparisons.filter((one) => one !== comparison);
  keep(() => store.saveConversation(conversation));
  drawTurn(conversation, turn, actions);
  byId(`turn-${turn.id}`).querySelector("[data-focus^=blind]").focus();
}

function drawAll() {
  byId("turns").replaceChildren();
  conversation.turns.forEach(addTurn);
  byId("welcome").hidden = conversation.turns.length > 0;
  drawList(conversations, conversation, listActions);
}

function addTurn(turn, number) {
  byId("welcome").hidden = true;
  byId("turns").append(turnView(turn, number, actions));
  if (turn.answer) drawTurn(conversation, turn, actions);
}

/** Keeps something in this browser, and says once where that is not possible: full, or forbidden. */
async function keep(work) {
  try {
    await work();
  } catch {
    notify("The browser has no room to keep this conversation. It goes on, but will be gone when the page is closed.");
  }
}

async function remove(other) {
  if (!(await confirmed(`Delete “${other.title}” and its files from this browser?`, "Delete"))) return;
  conversations = conversations.filter((one) => one !== other);
  leave();
  await keep(() => store.forget(other)); // before the page says so: a reload must not keep half of it
  begin();
  announce("Deleted");
}

async function exportIt(other) {
  try {
    await exportConversation(other, model);
  } catch (error) {
    notify(error.message);
  }
}

/** Asks the server what its model is and takes. */
async function connect() {
  try {
    model = await api.model();
  } catch (error) {
    byId("model").textContent = "not connected";
    notify(error.message, ["Try again", connect]);
    if (error.needsKey) openSettings({ why: error.message, changed: connect });
    return;
  }
  dismiss();
  const what = inWords(Object.keys(model.extensions));
  document.title = `${model.id} · macaw`;
  byId("model").textContent = model.id;
  byId("takes").textContent = what ? `Ask about ${what}.` : "Ask a question.";
  byId("how").hidden = !what;
  byId("drop-what").textContent = `Drop ${what} to ask about it`;
  composer.use(model);
}

async function start() {
  prepareSidebar(begin);
  whenBusy((busy) => composer.busy(busy));
  byId("open-settings").addEventListener("click", () => openSettings({ changed: () => { if (!model) connect(); } }));
  addEventListener("keydown", ({ key }) => {
    if (key === "Escape" && !document.querySelector("dialog[open]")) stop();
  });
  const before = store.remembered();
  begin();
  await keep(async () => { conversations = await store.conversations(); });
  const last = conversations.find(({ id }) => id === before);
  if (last && !conversation.turns.length) open(last);
  else drawList(conversations, conversation, listActions);
  await connect();
}

start();
