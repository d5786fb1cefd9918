/**
 * Own microphone and camera: opened, closed, chosen, and how loud the microphone is.
 *
 * Holds the tracks; who publishes them is not known here. Which device was chosen is remembered.
 */

import { keep, kept } from './memory.js';

/** @typedef {'microphone' | 'camera'} Device */
/** @typedef {'refused' | 'missing' | 'busy' | 'insecure'} Fault */

/** What a browser's error means. @param {unknown} error @returns {Fault} */
export function faultOf(error) {
  const { name = '', kind = '' } = /** @type {{ name?: string, kind?: Fault }} */ (error ?? {});
  if (kind) return kind;
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'refused';
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy';
  return name === 'TypeError' ? 'insecure' : 'missing';
}

/** @param {Device} device @param {string} [id] exactly this one */
export function constraints(device, id) {
  const last = kept(device);
  const deviceId = id ? { exact: id } : last ? { ideal: last } : undefined;
  return device === 'microphone'
    ? { deviceId, echoCancellation: true, noiseSuppression: true, autoGainControl: true }
    : { deviceId, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
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
        audio: constraints('microphone'), video: constraints('camera'),
      });
      wanted.forEach((device, at) => this.#take(device, stream, turns[at] ?? 0));
    } catch {
      for (const device of wanted) await this.open(device);
    }
  }

  /** @param {Device} device @param {string} [id] */
  async open(device, id) {
    const turn = ++this.#turn[device];
    try {
      const asked = { [device === 'microphone' ? 'audio' : 'video']: constraints(device, id) };
      const stream = await navigator.mediaDevices.getUserMedia(asked);
      if (id) keep(device, id);
      this.#take(device, stream, turn);
    } catch (error) {
      if (turn !== this.#turn[device]) return null;
      this.tracks[device]?.stop();
      this.tracks[device] = null;
      this.faults[device] = faultOf(error);
      this.#changed();
    }
    return this.tracks[device];
  }

  /** @param {Device} device @param {MediaStream} stream @param {number} turn */
  #take(device, stream, turn) {
    const [track] = device === 'microphone' ? stream.getAudioTracks() : stream.getVideoTracks();
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
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const db = 10 * Math.log10(power + 1e-9);
    onLevel(Math.min(1, Math.max(0, (db + 60) / 50))); // −60 dB is silence, −10 dB is loud
  }, 80);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
