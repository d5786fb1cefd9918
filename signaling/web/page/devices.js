/**
 * Own microphone and camera: opened, closed, chosen, and how loud the microphone is.
 *
 * Holds the tracks; who publishes them is not known here. Which device was chosen is remembered.
 */

import { openDevice } from '../client/client.js';
import { make } from './elements.js';
import { keep, kept } from './memory.js';
import { strings } from './strings.js';

/** @typedef {'microphone' | 'camera'} Device */
/** @typedef {import('../client/client.js').DeviceErrorKind} Fault */

/** @param {Device} device */
const plain = (device) => ({
  ...(kept(device) && { deviceId: { ideal: kept(device) } }),
  ...(device === 'microphone'
    ? { echoCancellation: true, noiseSuppression: true } : { width: { ideal: 1280 }, height: { ideal: 720 } }),
});

/**
 * Opens a device: the one named, else the one that was chosen last, else any.
 * @param {Device} device
 * @param {string} [id]
 */
export async function openChosen(device, id) {
  const last = id || kept(device) || undefined;
  const tracks = await openDevice(device, { deviceId: last }).catch((error) => {
    if (id || !last || error.kind !== 'missing') throw error;
    return openDevice(device);
  });
  if (id) keep(device, id);
  return tracks[0] ?? null;
}

/** Devices of a kind that have an id, which they get once one may be used. @param {MediaDeviceKind} kind */
export async function choices(kind) {
  const all = await navigator.mediaDevices?.enumerateDevices() ?? [];
  return all.filter((one) => one.kind === kind && one.deviceId !== '');
}

export class Devices extends EventTarget {
  /** @type {Record<Device, MediaStreamTrack | null>} */ tracks = { microphone: null, camera: null };
  /** @type {Record<Device, Fault | null>} */ faults = { microphone: null, camera: null };
  /** @type {Record<Device, number>} counts openings: a late answer of an older one is not wanted */
  #turn = { microphone: 0, camera: 0 };

  /**
   * Opens both at once, so that people are asked once; each alone if that fails.
   * @param {Device[]} wanted
   */
  async openAll(wanted) {
    const turns = wanted.map((device) => ++this.#turn[device]);
    if (wanted.length < 2) return Promise.all(wanted.map((device) => this.open(device)));
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: plain('microphone'), video: plain('camera'),
      });
      const found = { microphone: stream.getAudioTracks()[0], camera: stream.getVideoTracks()[0] };
      wanted.forEach((device, at) => this.#take(device, found[device] ?? null, turns[at] ?? 0));
    } catch {
      for (const device of wanted) await this.open(device);
    }
  }

  /** @param {Device} device @param {string} [id] */
  async open(device, id) {
    const turn = ++this.#turn[device];
    try {
      this.#take(device, await openChosen(device, id), turn);
    } catch (error) {
      if (turn !== this.#turn[device]) return null;
      this.tracks[device]?.stop();
      this.tracks[device] = null;
      this.faults[device] = /** @type {{ kind?: Fault }} */ (error).kind ?? 'missing';
      this.#changed();
    }
    return this.tracks[device];
  }

  /** @param {Device} device @param {MediaStreamTrack | null} track @param {number} turn */
  #take(device, track, turn) {
    if (turn !== this.#turn[device] || !track) return track?.stop();
    this.tracks[device]?.stop();
    this.tracks[device] = track;
    this.faults[device] = null;
    track.addEventListener('ended', () => {
      if (this.tracks[device] !== track) return;
      this.tracks[device] = null;
      this.faults[device] = 'missing'; // unplugged
      this.#changed();
    });
    this.#changed();
  }

  /** @param {Device} device */
  close(device) {
    this.#turn[device] += 1;
    this.tracks[device]?.stop();
    this.tracks[device] = null;
    this.faults[device] = null;
    this.#changed();
  }

  /** Gives a track away: from now on somebody else ends it. @param {Device} device */
  release(device) {
    const track = this.tracks[device];
    this.tracks[device] = null;
    this.#turn[device] += 1;
    return track;
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/** As people hear it: −60 dB is silence, 0, and −10 dB is loud, 1. @param {number} power of full scale */
export const loudness = (power) => Math.min(1, Math.max(0, (10 * Math.log10(power + 1e-9) + 60) / 50));

/**
 * How loud a microphone is, some ten times a second, from 0 to 1.
 * @param {MediaStreamTrack} track
 * @param {(level: number) => void} onLevel
 * @returns {() => void} ends it
 */
export function meter(track, onLevel) {
  const context = new AudioContext();
  void context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    onLevel(loudness(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length));
  }, 80);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

/**
 * @param {HTMLSelectElement} select
 * @param {MediaDeviceInfo[]} found
 * @param {string} current
 * @param {string} kind
 */
export function fillSelect(select, found, current, kind) {
  const wanted = found.map(({ deviceId, label }, at) => (
    { value: deviceId, text: label || strings.devices.unnamed(kind, at + 1) }));
  if (wanted.length === 0) wanted.push({ value: '', text: strings.devices.standard });
  const said = JSON.stringify(wanted);
  if (select.dataset.said !== said) {
    select.dataset.said = said;
    select.replaceChildren(...wanted.map(({ value, text }) => make('option', { value, text })));
  }
  select.disabled = found.length === 0;
  if (wanted.some((one) => one.value === current)) select.value = current;
}
