/** Own microphone, camera and screen in the meeting: started, stopped, and told to the others. */

import { DeviceError, openDevice } from '../client/client.js';
import { openChosen } from './devices.js';
import { strings } from './strings.js';

/** @typedef {import('../client/client.js').Ringfence} Ringfence */
/** @typedef {'microphone' | 'camera' | 'screen'} Own */

export class OwnMedia {
  /** @type {Set<Own>} what is being opened */ #opening = new Set();

  /** @param {Ringfence} client @param {() => void} changed */
  constructor(client, changed) {
    this.client = client;
    this.changed = changed;
  }

  /** Whether others get it. @param {Own} source */
  isOn(source) {
    const { client } = this;
    const muted = client.participants.get(client.id)?.muted;
    const track = client.published(source);
    return track !== null && track.enabled && !(source === 'microphone' ? muted?.audio : muted?.video);
  }

  /** @param {Own} source */
  toggle(source) {
    return this.isOn(source) ? this.stop(source) : this.start(source);
  }

  /** @param {Own} source @param {MediaStreamTrack | null} [ready] opened before */
  async start(source, ready = null) {
    const { client } = this;
    if (this.#opening.has(source)) return;
    this.#opening.add(source);
    try {
      const there = client.published(source);
      if (there && !ready) there.enabled = true; // only muted
      else await this.#publish(source, ready ? [ready] : await open(source));
      if (client.state === 'closed') return;
      await client.unmute(source === 'microphone' ? 'audio' : 'video');
    } finally {
      this.#opening.delete(source);
      this.changed();
    }
  }

  /** @param {Own} source @param {(MediaStreamTrack | null)[]} tracks */
  async #publish(source, [track, sound = null]) {
    const { client } = this;
    if (client.state === 'closed') return [track, sound].forEach((one) => one?.stop());
    if (!track) return;
    if (source === 'screen') track.contentHint = 'detail';
    await client.publish(source, track);
    if (source === 'screen') await client.publish('screen_audio', sound);
  }

  /** A muted microphone stays open, to be there at once; a camera's light goes out. @param {Own} source */
  async stop(source) {
    const { client } = this;
    if (source === 'microphone') {
      const track = client.published(source);
      if (track?.readyState === 'live') track.enabled = false;
      else await client.publish(source, null);
      this.changed(); // shown at once, not when the server has answered
      return client.mute('audio');
    }
    await this.#end(source);
    if (source === 'screen') await this.#end('screen_audio');
    this.changed();
    // Muting is of all pictures: it tells the others at once that there is no camera, if nothing is shared.
    if (source === 'camera' && !client.published('screen') && !client.published('canvas')) await client.mute('video');
  }

  /** @param {Own | 'screen_audio'} source */
  async #end(source) {
    this.client.published(source)?.stop();
    await this.client.publish(source, null);
  }

  /** A device is gone: the library has seen to the source. @param {import('../client/client.js').Source} source */
  async lost(source) {
    if (source === 'screen') await this.#end('screen_audio');
    if (source === 'camera' && !this.client.published('screen')) await this.client.mute('video');
    if (source === 'microphone') await this.client.mute('audio');
  }

  /** Ends every device. */
  close() {
    for (const source of /** @type {const} */ (['microphone', 'camera', 'screen', 'screen_audio', 'canvas'])) {
      this.client.published(source)?.stop();
    }
  }
}

/** What a device said, in words with the mend. @param {unknown} error */
export function deviceFault(error) {
  if (!(error instanceof DeviceError) || error.source === 'canvas') return null;
  return strings.devices.faults[error.source === 'screen_audio' ? 'screen' : error.source][error.kind];
}

/** @param {Own} source @returns {Promise<(MediaStreamTrack | null)[]>} */
async function open(source) {
  return source === 'screen' ? openDevice(source) : [await openChosen(source)];
}
