/** The list of conversations: open, begin, export, delete. On a small screen it lies over the page. */

import { button, byId, make } from "./dom.js";
import { requestFor } from "./messages.js";
import { settings } from "./settings.js";

const wide = matchMedia("(min-width: 60rem)");

export function prepareSidebar(begin) {
  const toggle = (open) => {
    byId("sidebar").hidden = !open;
    byId("menu").setAttribute("aria-expanded", String(open));
    document.body.classList.toggle("sidebar-open", open);
  };
  byId("menu").addEventListener("click", () => {
    toggle(byId("sidebar").hidden);
    if (!byId("sidebar").hidden && !wide.matches) byId("new").focus();
  });
  byId("sidebar").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || wide.matches) return;
    event.stopPropagation();
    toggle(false);
    byId("menu").focus();
  });
  byId("veil").addEventListener("click", () => toggle(false));
  byId("new").addEventListener("click", () => { closeSidebar(); begin(); });
  wide.addEventListener("change", () => toggle(wide.matches));
  toggle(wide.matches);
}

export const closeSidebar = () => { if (!wide.matches && !byId("sidebar").hidden) byId("menu").click(); };

/** Draws the list; `actions` has open, exportIt and remove. */
export function drawList(conversations, current, actions) {
  const focused = document.activeElement?.closest("#conversations") && document.activeElement.dataset.focus;
  byId("conversations").replaceChildren(...conversations.map((one) => {
    const own = one.id === current?.id;
    const open = make("button", { type: "button", class: "title", "aria-current": own && "true", "data-focus": one.id },
      make("bdi", {}, one.title), make("time", { class: "muted" }, when(one.updated)));
    open.addEventListener("click", () => actions.open(one));
    return make("li", { class: own && "current" }, open,
      own && button("Export this conversation", "export", () => actions.exportIt(one)),
      own && button("Delete this conversation", "delete", () => actions.remove(one)));
  }));
  byId("no-conversations").hidden = conversations.length > 0;
  if (focused) byId("conversations").querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}

function when(time) {
  const date = new Date(time);
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString([], { timeStyle: "short" })
    : date.toLocaleDateString([], { day: "numeric", month: "short" });
}

/**
 * Saves a conversation as a file: a request in OpenAI's form, media included, which any such server answers.
 *
 * Servers want the last message to be the user's, so the last answer stands where OpenAI has text that is expected.
 */
export async function exportConversation(conversation, model) {
  const number = conversation.turns.length - 1;
  const { seed, ...request } = await requestFor(conversation, number, model, settings(), 0);
  const { text } = conversation.turns[number].answer;
  if (text) request.prediction = { type: "content", content: text };
  const url = URL.createObjectURL(new Blob([JSON.stringify(request, null, 1)], { type: "application/json" }));
  const name = conversation.title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 40) || "conversation";
  make("a", { href: url, download: `${name}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
