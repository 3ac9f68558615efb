/** A conversation as a request in OpenAI's form; blind and swapped ones differ in their media alone. */

import { asPart } from "./media.js";

const FIELDS = { temperature: "temperature", topP: "top_p", maxTokens: "max_completion_tokens" };

/**
 * The request for the answer to turn `number`.
 *
 * `change` is { blind: true }, or { replaced, medium }: the id of a medium, and the one that stands in its place.
 */
export async function requestFor(conversation, number, model, settings, seed, change = {}) {
  const messages = settings.system ? [{ role: "system", content: settings.system }] : [];
  for (const [at, turn] of conversation.turns.slice(0, number + 1).entries()) {
    if (at < number && !answered(turn)) continue;
    messages.push({ role: "user", content: await contentOf(turn, change) });
    if (at < number) messages.push({ role: "assistant", content: turn.answer.text });
  }
  const chosen = Object.entries(FIELDS).filter(([name]) => settings[name] !== null);
  const sampling = Object.fromEntries(chosen.map(([name, field]) => [field, settings[name]]));
  return { model: model?.id, messages, seed, ...sampling };
}

/** The media of the request for turn `number`, in order: what the server tells of attachments counts them. */
export function mediaUpTo(conversation, number) {
  const turns = conversation.turns.slice(0, number + 1);
  return turns.filter((turn, at) => at === number || answered(turn)).flatMap((turn) => turn.media);
}

/** A question that failed, or was stopped before its first word, is not part of what the model reads later. */
const answered = ({ answer }) => answer.text !== "" || answer.state === "done";

async function contentOf(turn, change) {
  const shown = turn.media.map((medium) => (medium.id === change.replaced ? change.medium : medium));
  const media = change.blind ? [] : shown;
  if (!media.length) return turn.question;
  const parts = await Promise.all(media.map(asPart));
  return turn.question ? [...parts, { type: "text", text: turn.question }] : parts;
}
