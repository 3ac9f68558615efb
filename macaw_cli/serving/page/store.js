/** Conversations and their media in this browser (IndexedDB); in memory where the browser keeps nothing. */

const SHOWN = "macaw-conversation";
const memory = { conversations: new Map(), media: new Map() };
let opened = null;

function database() {
  opened ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open("macaw-chat", 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("conversations", { keyPath: "id" });
        request.result.createObjectStore("media", { keyPath: "id" });
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
  return opened;
}

/** Runs `work` on the store and waits until it is on disk; returns what the request found. */
async function run(name, mode, work, otherwise) {
  const base = await database();
  if (!base) return otherwise(memory[name]);
  return new Promise((resolve, reject) => {
    const transaction = base.transaction(name, mode);
    const request = work(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new Error("not stored"));
  });
}

const put = (name, row) => run(name, "readwrite", (store) => store.put(row), (rows) => rows.set(row.id, row));
const remove = (name, id) => run(name, "readwrite", (store) => store.delete(id), (rows) => rows.delete(id));

export const saveConversation = (conversation) => put("conversations", conversation);

/** Media are also held in memory while the page is open: it goes on where the browser has no room for them. */
export const holdMedium = (id, blob) => memory.media.set(id, { id, blob });
export const saveMedium = (id) => put("media", memory.media.get(id));
export const mediumOf = async (id) =>
  (memory.media.get(id) ?? (await run("media", "readonly", (store) => store.get(id), () => undefined)))?.blob;

/** All conversations that are what this page writes, the newest first. */
export async function conversations() {
  const rows = await run("conversations", "readonly", (store) => store.getAll(), (kept) => [...kept.values()]);
  const usable = rows.filter(isConversation).sort((one, other) => other.updated - one.updated);
  for (const { answer } of usable.flatMap(({ turns }) => turns.flatMap((turn) => [turn, ...turn.comparisons]))) {
    if (!["done", "failed"].includes(answer.state)) answer.state = "stopped"; // the page was closed
  }
  return usable;
}

/** Deletes a conversation and its media. */
export async function forget(conversation) {
  await Promise.all([
    remove("conversations", conversation.id), ...mediaOf(conversation).map(({ id }) => remove("media", id)),
  ]);
}

/** The conversation that this tab shows, or null: it is shown again when the page is loaded anew. */
export function remember(conversation) {
  try {
    if (conversation) sessionStorage.setItem(SHOWN, conversation.id);
    else sessionStorage.removeItem(SHOWN);
  } catch { /* the tab forgets it */ }
}

export function remembered() {
  try { return sessionStorage.getItem(SHOWN); } catch { return null; }
}

/** Every medium of a conversation, those of comparisons included. */
export function mediaOf(conversation) {
  return conversation.turns.flatMap(({ media, comparisons }) =>
    [...media, ...comparisons.flatMap(({ medium }) => medium ?? [])]);
}

/** Not random enough for secrets, and there where `crypto.randomUUID` is not: on plain http. */
export const newId = () => Date.now().toString(36) + Math.random().toString(36).slice(2, 10);

const isText = (value) => typeof value === "string";
const isAnswer = (answer) => isText(answer?.text);
const isMedium = (medium) => isText(medium?.id) && isText(medium.name) && isText(medium.type) &&
  ["image", "audio", "video"].includes(medium.kind) && Array.isArray(medium.became ?? []);
const isComparison = (one) => isText(one?.id) && isAnswer(one.answer) &&
  (one.kind === "blind" || (one.kind === "swap" && isMedium(one.medium)));
const isTurn = (turn) => isText(turn?.id) && isText(turn.question) && isAnswer(turn.answer) &&
  Array.isArray(turn.media) && turn.media.every(isMedium) &&
  Array.isArray(turn.comparisons) && turn.comparisons.every(isComparison);
const isConversation = (row) => isText(row.title) && Array.isArray(row.turns) && row.turns.every(isTurn);
