/**
 * One picture of the stage: a person's camera, or what they share.
 *
 * It shows a picture only from the first frame that arrived after its slot became that person's:
 * nobody appears under another one's name.
 */

import { icon, make, setText } from './elements.js';
import { strings } from './strings.js';

/** @typedef {import('../client/client.js').Source} Source */

/** A camera without a frame for so long is off. A screen may stand still for longer. */
const STILL_MS = { camera: 2_000, shared: 10_000 };

/** A hue that stays with a person. @param {string} id */
export function hueOf(id) {
  let hash = 7;
  for (const letter of id) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  return hash;
}

/** The first letters of a name's first and last word. @param {string} name */
export function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : ''].map((word) => [...(word ?? '')][0] ?? '');
  return letters.join('').toLocaleUpperCase() || '?';
}

/**
 * @typedef {object} Description
 * @property {string} name
 * @property {boolean} muted
 * @property {boolean} dark the camera is known to be off
 * @property {boolean} speaking
 * @property {string} note where they are, or how they speak; empty: nothing to say
 */

export class Tile {
  /** @type {MediaStreamTrack | null} */ #track = null;
  #since = 0;
  #lastFrame = 0;
  #dark = false;
  /** When this person was last heard. */ spokeAt = 0;

  /** @param {string} participant @param {Source} source @param {boolean} own */
  constructor(participant, source, own) {
    this.participant = participant;
    this.source = source;
    this.own = own;
    this.shared = source !== 'camera';
    this.video = make('video', { playsinline: true, muted: true, autoplay: true, tabindex: -1 });
    this.video.muted = true; // pictures only: voices come from the audio slots
    this.face = make('div', { class: 'face', 'aria-hidden': 'true' });
    this.name = make('span', { class: 'tile-name' });
    this.note = make('span', { class: 'tile-note', hidden: true });
    const muted = icon('microphone-off');
    muted.classList.add('tile-muted');
    const caption = make('figcaption', {}, muted, this.name, this.note);
    this.element = make('figure', {
      class: `tile ${this.shared ? 'shared' : 'camera'}${own ? ' own' : ''}`,
      'data-participant': participant,
      'data-source': source,
    }, this.face, this.video, caption);
    this.element.style.setProperty('--hue', String(hueOf(participant)));
    this.video.requestVideoFrameCallback(this.#onFrame);
  }

  get live() {
    return this.element.classList.contains('live');
  }

  /** @param {Description} description */
  describe({ name, muted, dark, speaking, note }) {
    const texts = strings.stage;
    const [yours, theirs] = this.source === 'canvas'
      ? [texts.yourCanvas, texts.canvasOf] : [texts.yourScreen, texts.screenOf];
    setText(this.name, this.shared ? (this.own ? yours : theirs(name)) : (this.own ? strings.you : name));
    setText(this.face, this.shared ? '' : initials(name));
    setText(this.note, note);
    this.note.hidden = note === '';
    this.#dark = dark && !this.own;
    if (this.#dark) this.element.classList.remove('live');
    this.element.classList.toggle('muted', muted && !this.shared);
    this.element.classList.toggle('speaking', speaking && !this.shared);
    if (speaking) this.spokeAt = performance.now();
  }

  /** @param {MediaStreamTrack | null} track @param {number} since when it became this tile's */
  show(track, since) {
    if (track === this.#track && since === this.#since) return;
    this.#since = since;
    this.element.classList.remove('live');
    if (track === this.#track) return;
    this.#track = track;
    this.video.srcObject = track ? new MediaStream([track]) : null;
    // Rejected when the next stream comes before this one plays: the next one plays.
    if (track) this.video.play().catch(() => {});
  }

  /** @param {number} now */
  expire(now) {
    const still = STILL_MS[this.shared ? 'shared' : 'camera'];
    if (!this.own && this.live && now - this.#lastFrame > still) this.element.classList.remove('live');
  }

  /** @param {number} now @param {VideoFrameCallbackMetadata} frame */
  #onFrame = (now, frame) => {
    // `receiveTime` is the arrival of the frame's last packet; where it is missing the time of display must do.
    if ((frame.receiveTime ?? now) >= this.#since && this.#track && !this.#dark) {
      this.#lastFrame = now;
      if (!this.live) {
        this.element.classList.add('live');
        this.element.dispatchEvent(new Event('live'));
      }
    }
    this.video.requestVideoFrameCallback(this.#onFrame);
  };
}
