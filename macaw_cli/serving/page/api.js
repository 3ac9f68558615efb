/** Requests to the server, in OpenAI's form, and its errors in plain words. */

const KEY = "macaw-key";
const KINDS = ["image", "audio", "video"];
let keptKey = "";

/** What a person is told; `needsKey` where the server wants its API key. */
export class ServerError extends Error {
  constructor(message, needsKey = false) {
    super(message);
    this.needsKey = needsKey;
  }
}

/** The API key lives as long as this tab, and is sent to this server alone. */
export function key() {
  try { return sessionStorage.getItem(KEY) ?? keptKey; } catch { return keptKey; }
}

export function setKey(value) {
  keptKey = value;
  try { value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY); } catch { /* kept in memory */ }
}

/** { id, extensions: { image: [".png", …], … } of what the model takes, largest: bytes of a request or null }. */
export async function model() {
  const response = await send("v1/models", {});
  try {
    const { data: [first] } = await response.json();
    const { id, modalities = KINDS, extensions = {}, max_request_bytes: largest = null } = first;
    const taken = Object.fromEntries(modalities.map((kind) => [kind, extensions[kind] ?? []]));
    return { id: String(id), extensions: taken, largest };
  } catch {
    throw new ServerError("The server does not say which model it has.");
  }
}

/** An answer as it comes: { text } pieces, and at the end { finish }, { usage }, { attachments }. */
export async function* answer(request, signal) {
  const body = JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } });
  const response = await send("v1/chat/completions", { method: "POST", body, signal });
  let ended = false;
  for await (const data of events(response.body)) {
    if (data === "[DONE]") return;
    const chunk = parsed(data);
    if (chunk.error) throw new ServerError(plain(chunk.error));
    const choice = chunk.choices?.[0];
    if (choice?.delta?.content) yield { text: String(choice.delta.content) };
    if (choice?.finish_reason) { ended = true; yield { finish: choice.finish_reason }; }
    if (chunk.usage) yield { usage: chunk.usage };
    if (chunk.macaw?.attachments) yield { attachments: chunk.macaw.attachments };
  }
  if (!ended) throw new ServerError("The answer broke off: the server closed the connection. Ask again.");
}

function parsed(data) {
  try {
    const chunk = JSON.parse(data);
    if (chunk !== null && typeof chunk === "object") return chunk;
  } catch { /* told below */ }
  throw new ServerError("The server sent something that is no answer.");
}

/** The data of server-sent events. */
async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) if (line.startsWith("data:")) yield line.slice(5).trim();
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError("The answer broke off: the connection to the server was lost. Ask again.");
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function send(path, options) {
  const headers = { "Content-Type": "application/json", ...(key() ? { Authorization: `Bearer ${key()}` } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError("The server does not answer. Is `macaw serve` still running?");
  }
  if (response.ok) return response;
  let said = null;
  try { said = (await response.json()).error; } catch { /* not the server's own answer */ }
  throw inWords(response.status, said);
}

function inWords(status, said) {
  if (status === 401 || status === 403) {
    return new ServerError(key() ? "The server refused the API key." : "The server wants an API key.", true);
  }
  if (said?.message) return new ServerError(plain(said));
  if (status === 413) return new ServerError("The attachments are too large for the server. Remove one.");
  if (status === 429 || status === 503) return new ServerError("The server is busy. Try again in a moment.");
  return new ServerError(`The server failed (HTTP ${status}). Its log says why.`);
}

const plain = (error) => String(error.message ?? error).slice(0, 2000);
