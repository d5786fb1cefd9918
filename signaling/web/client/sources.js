/**
 * What this participant sends: a track a source, whichever device it comes from.
 *
 * A track that ends because its device is gone does not leave a dead tile: a microphone goes on with the
 * system's own one, everything else is off, and `device` tells of it. A camera is not chosen for anybody.
 */

/** @import { Sends, Source } from './client.d.ts' */

import { openDevice } from './devices.js';
import { DeviceError } from './errors.js';
import { limit } from './lines.js';

/** @typedef {(type: string, detail?: unknown) => void} Tell */

/** What others listen for on a track that was replaced. */
const FORWARDED = ['ended', 'mute', 'unmute'];
/** A shared window changes its size, a phone is turned: nobody tells, so it is looked at. */
const LOOK_MS = 1_000;

export class Sources {
  #tell;
  /** @type {Map<Source, RTCRtpSender>} */ #senders = new Map();
  /** @type {Map<Source, MediaStreamTrack>} */ #tracks = new Map();
  /** @type {WeakSet<MediaStreamTrack>} */ #watched = new WeakSet();
  /** How good a picture the role may send. @type {Sends['caps']} */ #caps = {};
  /** @type {ReturnType<typeof setInterval> | undefined} */ #looking;

  /** @param {Tell} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /** @param {Source} source */
  track(source) {
    return this.#tracks.get(source) ?? null;
  }

  /** The senders of a new connection. @param {Map<Source, RTCRtpSender>} senders */
  async connect(senders) {
    this.#senders = senders;
    await this.limit();
    for (const [source, sender] of senders) await sender.replaceTrack(this.track(source));
  }

  /** What the role grants, from now on; else as before, of pictures that may have another size. @param {Sends['caps']} [caps] */
  async limit(caps = this.#caps) {
    this.#caps = caps;
    clearInterval(this.#looking);
    if ([...this.#tracks.values()].some(heightOf)) this.#looking = setInterval(() => void this.#limitAll(), LOOK_MS);
    await this.#limitAll();
  }

  async #limitAll() {
    for (const [source, sender] of this.#senders) await limit(source, sender, heightOf(this.track(source)), this.#caps);
  }

  close() {
    clearInterval(this.#looking);
  }

  /** @param {Source} source @param {MediaStreamTrack | null} track */
  async publish(source, track) {
    if (track) this.#tracks.set(source, track);
    else this.#tracks.delete(source);
    if (track && !this.#watched.has(track)) {
      this.#watched.add(track);
      track.addEventListener('ended', () => void this.#lost(source, track));
    }
    this.#tell('published', { source, track });
    await this.limit();
    await this.#senders.get(source)?.replaceTrack(track);
  }

  /** Goes on with another device. Nothing happens to a source that is off. @param {Source} source @param {string} deviceId */
  async use(source, deviceId) {
    const former = this.track(source);
    if (!former) return;
    const track = await this.#open(source, former, deviceId);
    if (this.track(source) !== former) return track.stop(); // something else was published meanwhile
    await this.#replace(source, former, track);
  }

  /** @param {Source} source @param {MediaStreamTrack} former @param {string} [deviceId] */
  async #open(source, former, deviceId) {
    const { width, height } = former.getSettings?.() ?? {};
    const options = { deviceId, ...(width && height && { width, height }) };
    let tracks;
    try {
      tracks = await openDevice(source, options);
    } catch (error) {
      // Phones open one camera at a time: the old one first has to be let go.
      if (!(error instanceof DeviceError) || error.kind !== 'busy' || former.readyState === 'ended') throw error;
      former.stop();
      try {
        tracks = await openDevice(source, options);
      } catch (again) {
        if (this.track(source) === former) await this.publish(source, null);
        throw again;
      }
    }
    const [track] = tracks;
    if (!track) throw new DeviceError(source, 'missing', `The device gives no ${source}.`);
    return track;
  }

  /** @param {Source} source @param {MediaStreamTrack} former @param {MediaStreamTrack} track */
  async #replace(source, former, track) {
    track.enabled = former.enabled;
    track.contentHint = former.contentHint;
    for (const type of FORWARDED) track.addEventListener(type, () => former.dispatchEvent(new Event(type)));
    await this.publish(source, track);
    former.stop();
  }

  /** Its device was unplugged, or what was shared is closed. @param {Source} source @param {MediaStreamTrack} track */
  async #lost(source, track) {
    if (this.track(source) !== track) return; // whoever published it saw to it, or it was replaced
    if (source === 'microphone' && track.getSettings?.().deviceId) {
      const next = await this.#open(source, track).catch(() => null);
      if (this.track(source) !== track) return next?.stop();
      if (next) {
        await this.#replace(source, track, next);
        return this.#tell('device', { source, track: next });
      }
    }
    await this.publish(source, null);
    return this.#tell('device', { source, track: null });
  }
}

/** In pixels; 0: not known, or no picture. @param {MediaStreamTrack | null} track */
function heightOf(track) {
  return track?.getSettings?.().height ?? 0;
}
