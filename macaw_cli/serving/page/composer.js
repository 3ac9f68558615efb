/** The form at the bottom: the question and its attachments, chosen, dropped, pasted or recorded. */

import { announce, button, byId } from "./dom.js";
import { accepted, card, fromFile, inWords } from "./media.js";
import { dismiss, notify } from "./notice.js";
import { record } from "./recorder.js";

const INFLATED = 4 / 3; // base64
const HINT = byId("hint").textContent;

export class Composer {
  #media = [];
  #recording = null;
  #busy = false;
  #clock = 0;

  /** `send(question, media)` and `stop()` are what its buttons do. */
  constructor(send, stop) {
    this.model = null;
    this.send = send;
    this.stop = stop;
    this.field = byId("question");
    byId("composer").addEventListener("submit", (event) => { event.preventDefault(); this.#submit(); });
    this.field.addEventListener("input", () => this.#draw());
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (!this.#busy) this.#submit();
    });
    this.field.addEventListener("paste", (event) => {
      if (event.clipboardData.files.length) { event.preventDefault(); this.add(event.clipboardData.files); }
    });
    byId("attach").addEventListener("click", () => byId("files").click());
    byId("files").addEventListener("change", ({ target }) => { this.add(target.files); target.value = ""; });
    byId("record").addEventListener("click", () => this.#record());
    this.#acceptDrops();
  }

  /** What the model takes decides which buttons there are. */
  use(model) {
    this.model = model;
    byId("files").accept = accepted(model.extensions);
    byId("attach").hidden = !inWords(Object.keys(model.extensions));
    byId("record").hidden = !("audio" in model.extensions);
    this.#draw();
  }

  /** Attaches files to the next question, as far as the model takes them. */
  add(files) {
    if (!this.model) return notify("The page is not connected to the server yet. Try again in a moment.");
    dismiss();
    for (const file of files) {
      try {
        const medium = fromFile(file, this.model.extensions);
        this.#requireRoom(file.size);
        this.#media.push(medium);
        announce(`${file.name} attached`);
      } catch (error) {
        notify(error.message);
      }
    }
    this.#draw();
    return this.field.focus();
  }

  /** While an answer comes the same button stops it. */
  busy(is) {
    this.#busy = is;
    byId("send").classList.toggle("stop", is);
    byId("send").setAttribute("aria-label", is ? "Stop" : "Send");
    byId("send").title = is ? "Stop (Esc)" : "Send (Enter)";
    this.#draw();
  }

  #submit() {
    if (this.#busy) return this.stop();
    const question = this.field.value.trim();
    if (!this.model || (!question && !this.#media.length)) return this.field.focus();
    const media = this.#media;
    this.#media = [];
    this.field.value = "";
    this.#draw();
    dismiss();
    return this.send(question, media);
  }

  #draw() {
    const remove = (medium) => {
      this.#media = this.#media.filter((other) => other !== medium);
      this.#draw();
      this.field.focus();
    };
    byId("attached").replaceChildren(...this.#media.map((medium) =>
      card(medium, button(`Remove ${medium.name}`, "close", () => remove(medium)))));
    if (!CSS.supports("field-sizing", "content")) this.field.rows = Math.min(this.field.value.split("\n").length, 10);
    const empty = !this.field.value.trim() && !this.#media.length;
    byId("send").setAttribute("aria-disabled", String(!this.#busy && (empty || !this.model)));
  }

  #requireRoom(bytes) {
    const total = (this.#media.reduce((sum, { size }) => sum + size, 0) + bytes) * INFLATED;
    const largest = this.model.largest;
    if (!largest || total <= largest) return;
    throw new Error(`The attachments are too large: the server takes ${Math.floor(largest / INFLATED / 1e6)} MB.`);
  }

  async #record() {
    const recording = this.#recording;
    this.#recording = null;
    try {
      if (recording) this.add([await recording.stop()]);
      else this.#recording = await record();
    } catch (error) {
      notify(error.message);
    }
    this.#showRecording(this.#recording !== null);
  }

  #showRecording(on) {
    const [pressed, hint, started] = [byId("record"), byId("hint"), Date.now()];
    pressed.classList.toggle("on", on);
    pressed.title = on ? "Stop recording" : "Record the microphone";
    pressed.setAttribute("aria-label", pressed.title);
    announce(on ? "Recording" : "Recording stopped");
    clearInterval(this.#clock);
    hint.classList.toggle("on", on);
    hint.textContent = on ? "Recording …" : HINT;
    const tick = () => { hint.textContent = `Recording ${Math.round((Date.now() - started) / 1000)} s`; };
    if (on) this.#clock = setInterval(tick, 1000);
  }

  #acceptDrops() {
    const over = (shown) => (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      byId("drop").hidden = !shown || document.querySelector("dialog[open]") !== null;
    };
    addEventListener("dragenter", over(true));
    addEventListener("dragover", over(true));
    addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(false)(event); });
    addEventListener("drop", (event) => {
      over(false)(event);
      if (event.dataTransfer.files.length) this.add(event.dataTransfer.files);
    });
  }
}
