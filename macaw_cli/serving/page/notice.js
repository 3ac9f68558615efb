/** One line above the question for what went wrong or was done, and a dialog for what cannot be undone. */

import { button, byId, icon, make } from "./dom.js";

/** Shows a message until it is dismissed or the next one comes; `action` is [name, function]. */
export function notify(text, action = null) {
  const act = () => { dismiss(); action[1](); };
  byId("notice").replaceChildren(make("p", {}, text),
    ...(action ? [make("button", { type: "button", class: "quiet", onclick: act }, action[0])] : []),
    button("Dismiss", "close", () => { dismiss(); byId("question").focus(); }));
}

export const dismiss = () => byId("notice").replaceChildren();

/** Asks before something is deleted; resolves to whether it may be. */
export function confirmed(text, verb) {
  const dialog = make("dialog", { class: "confirm", "aria-labelledby": "confirm-text" });
  return new Promise((resolve) => {
    const close = (answer) => () => { dialog.close(); resolve(answer); };
    dialog.append(make("p", { id: "confirm-text" }, text), make("div", { class: "row end" },
      make("button", { type: "button", class: "quiet", onclick: close(false) }, "Cancel"),
      make("button", { type: "button", class: "primary", onclick: close(true) }, icon("delete"), verb)));
    dialog.addEventListener("cancel", () => resolve(false));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  });
}
