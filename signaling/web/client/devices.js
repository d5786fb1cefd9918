/** Opening cameras, microphones and screens, with errors that say what to do. */

/** @import { DeviceErrorKind, DeviceOptions, Source } from './client.d.ts' */

import { DeviceError } from './errors.js';

/** What browsers call it when a device can not be had. @type {Record<string, DeviceErrorKind>} */
const KINDS = {
  NotAllowedError: 'refused',
  SecurityError: 'refused',
  NotFoundError: 'missing',
  OverconstrainedError: 'missing',
  NotReadableError: 'busy',
  AbortError: 'busy',
};

const WORDS = {
  refused: 'The browser does not let this page use the',
  missing: 'There is no',
  busy: 'Another program uses the',
};

/** @param {Source} source @param {unknown} error */
function deviceError(source, error) {
  const kind = KINDS[/** @type {{ name?: string }} */ (error)?.name ?? ''];
  if (!kind || kind === 'insecure') return error;
  const name = source === 'screen_audio' ? 'screen' : source;
  return new DeviceError(source, kind, `${WORDS[kind]} ${name}.`, error);
}

/**
 * Asks the browser for a device and gives its tracks: one, or for a screen with sound two.
 * @param {Source} source
 * @param {DeviceOptions} [options]
 * @returns {Promise<MediaStreamTrack[]>}
 */
export async function openDevice(source, { deviceId, width = 1280, height = 720 } = {}) {
  const devices = globalThis.navigator?.mediaDevices;
  if (!devices) {
    throw new DeviceError(source, 'insecure', 'Pages may use devices only over HTTPS or on localhost.');
  }
  const exact = deviceId ? { deviceId: { exact: deviceId } } : {};
  try {
    const stream = await (source === 'microphone'
      ? devices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, ...exact } })
      : source === 'camera'
        ? devices.getUserMedia({ video: { width: { ideal: width }, height: { ideal: height }, ...exact } })
        : devices.getDisplayMedia({ video: true, audio: true }));
    return stream.getTracks();
  } catch (error) {
    throw deviceError(source, error);
  }
}
