/** The dialog Devices: which microphone, camera and speaker, changed while they are used. */

import { choices, fillSelect, meter } from './devices.js';
import { dialog } from './dialog.js';
import { make } from './elements.js';
import { keep, kept } from './memory.js';
import { strings } from './strings.js';

/** @typedef {import('../client/client.js').Ringfence} Ringfence */

const KINDS = /** @type {const} */ ([
  ['microphone', 'audioinput'], ['camera', 'videoinput'], ['speaker', 'audiooutput'],
]);

/**
 * @param {Ringfence} client
 * @param {(work: () => Promise<unknown>) => Promise<boolean>} attempt
 * @param {(id: string) => Promise<void>} setSpeaker
 */
export async function settings(client, attempt, setSpeaker) {
  const selects = KINDS.map(([device]) => make('select', { onchange: (event) => {
    const { value } = /** @type {HTMLSelectElement} */ (event.target);
    keep(device, value);
    void attempt(() => (device === 'speaker' ? setSpeaker(value) : client.use(device, value)));
  } }));
  const fill = async () => {
    for (const [at, [device, kind]] of KINDS.entries()) {
      const select = selects[at];
      if (!select) continue;
      const used = device === 'speaker' ? '' : client.published(device)?.getSettings().deviceId;
      fillSelect(select, await choices(kind), used || kept(device), strings.devices[device]);
    }
  };
  const level = make('div', { class: 'meter', 'aria-hidden': 'true' }, make('i'));
  let stop = () => {};
  const measure = () => {
    stop();
    const track = client.published('microphone');
    stop = track ? meter(track, (now) => level.style.setProperty('--level', now.toFixed(2))) : () => {};
  };
  const fields = KINDS.map(([device], at) => make('label', {
    class: 'field', hidden: device === 'speaker' && !canChooseSpeaker(),
  }, strings.devices[device], selects[at], device === 'microphone' && level));
  measure();
  await fill();
  client.addEventListener('published', measure);
  client.addEventListener('devices', fill);
  await dialog({ title: strings.controls.settings, body: make('div', { class: 'stack' }, ...fields) });
  client.removeEventListener('published', measure);
  client.removeEventListener('devices', fill);
  stop();
}

const canChooseSpeaker = () => 'setSinkId' in HTMLMediaElement.prototype;
