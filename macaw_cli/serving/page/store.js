/** Conversations and their media in this browser (IndexedDB); in memory where the browser keeps nothing. */

const SHOWN = "macaw-conversation";
const memory = { conversations: new Map(), media: new Map() };
const unkept = new Set(); // media for which there was no room: told once
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

const put = (row) => run("conversations", "readwrite", (store) => store.put(row), (rows) => rows.set(row.id, row));

/**
 * Changes conversations and media in one step, so that no other tab finds media whose conversation is still to come.
 * `work` is given both stores and the ids of all media.
 */
function change(base, work) {
  return new Promise((resolve, reject) => {
    const transaction = base.transaction(["conversations", "media"], "readwrite");
    const [rows, media] = ["conversations", "media"].map((name) => transaction.objectStore(name));
    media.getAllKeys().onsuccess = ({ target }) => work(rows, media, target.result);
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("not stored")); // at `onerror` it is unknown why
  });
}

/** Removes what no conversation has of the media `ids`; where a row cannot be read, only of those `known` as unused. */
function sweep(rows, media, ids, known = []) {
  rows.getAll().onsuccess = ({ target }) => {
    const usable = target.result.filter(isConversation);
    const used = new Set(usable.flatMap(mediaOf).map(({ id }) => id));
    const unsure = usable.length < target.result.length;
    for (const id of unsure ? known : ids) if (!used.has(id)) media.delete(id);
  };
}

/** Saves a conversation and its media, and removes those that no conversation has any more. */
export async function saveConversation(conversation) {
  const base = await database();
  if (!base) return put(conversation);
  let missing = [];
  const save = ({ withMedia }) => change(base, (rows, media, ids) => {
    rows.put(conversation);
    missing = mediaOf(conversation).map(({ id }) => id)
      .filter((id) => withMedia && !ids.includes(id) && memory.media.has(id) && !unkept.has(id));
    for (const id of missing) media.put(memory.media.get(id));
    sweep(rows, media, ids);
  });
  try {
    return await save({ withMedia: true });
  } catch {
    await save({ withMedia: false }); // what it removes may make room for the media
  }
  try {
    await save({ withMedia: true });
  } catch (error) {
    if (error.name === "QuotaExceededError") missing.forEach((id) => unkept.add(id));
    throw error;
  }
}

/** Media are also held in memory while the page is open: it goes on where the browser has no room for them. */
export const holdMedium = (id, blob) => memory.media.set(id, { id, blob });

/** The file of a medium, which is held from now on: it can be saved again after its conversation was changed. */
export async function mediumOf(id) {
  const row = memory.media.get(id) ?? (await run("media", "readonly", (store) => store.get(id), () => undefined));
  if (row) memory.media.set(id, row);
  return row?.blob;
}

/** Holds all media of a conversation. */
export const holdMedia = (conversation) => Promise.all(mediaOf(conversation).map(({ id }) => mediumOf(id)));

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
  const own = mediaOf(conversation).map(({ id }) => id);
  const base = await database();
  if (!base) return [memory.conversations.delete(conversation.id), ...own.map((id) => memory.media.delete(id))];
  return change(base, (rows, media, ids) => {
    rows.delete(conversation.id);
    sweep(rows, media, ids, own);
  });
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
