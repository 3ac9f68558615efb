/** The microphone as a WAV file of 16 kHz, which every server can decode, unlike the browsers' own formats. */

const RATE = 16_000;

/** Starts to record; `stop()` gives the file. Errors are in plain words. */
export async function record() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("The browser lets a page record only over https or from this machine (localhost).");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (error) {
    throw new Error(error.name === "NotFoundError" ? "No microphone was found."
      : "The browser does not let this page use the microphone. Allow it in the address bar, then try again.");
  }
  const recorder = new MediaRecorder(stream);
  const pieces = [];
  recorder.ondataavailable = (event) => pieces.push(event.data);
  const ended = new Promise((resolve) => { recorder.onstop = resolve; });
  recorder.start();
  return {
    async stop() {
      recorder.stop();
      await ended;
      stream.getTracks().forEach((track) => track.stop());
      const samples = await decode(new Blob(pieces));
      const name = `recording ${new Date().toTimeString().slice(0, 8).replaceAll(":", ".")}.wav`;
      return new File([wav(samples)], name, { type: "audio/wav" });
    },
  };
}

/** Mono samples at RATE. */
async function decode(blob) {
  const context = new OfflineAudioContext(1, 1, RATE); // it decodes to its own rate
  let decoded;
  try {
    decoded = await context.decodeAudioData(await blob.arrayBuffer());
  } catch {
    throw new Error("Nothing was recorded. Speak a little longer.");
  }
  const samples = new Float32Array(decoded.length);
  for (let channel = 0; channel < decoded.numberOfChannels; channel += 1) {
    decoded.getChannelData(channel).forEach((value, at) => { samples[at] += value / decoded.numberOfChannels; });
  }
  return samples;
}

/** 16-bit PCM with its header of 44 bytes. */
export function wav(samples) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, word) => [...word].forEach((letter, number) => view.setUint8(at + number, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, RATE, true);
  view.setUint32(28, 2 * RATE, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  const sample = (value) => Math.round(32767 * Math.max(-1, Math.min(1, value)));
  samples.forEach((value, at) => view.setInt16(44 + 2 * at, sample(value), true));
  return view.buffer;
}
