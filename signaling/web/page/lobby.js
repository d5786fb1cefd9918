/** Before the meeting: name, meeting, and how one looks and sounds. */

import { choices, fillSelect, meter } from './devices.js';
import { button, make, setAttribute, setIcon, setText } from './elements.js';
import { keep, kept } from './memory.js';
import { strings } from './strings.js';

/** @typedef {import('./devices.js').Device} Device */
/** @typedef {{ name: string, meeting: string }} Wish */

const DEVICES = /** @type {const} */ (['microphone', 'camera']);

export class Lobby {
  /** Which are wanted on. @type {Set<Device>} */ #wanted = new Set(DEVICES);
  /** @type {MediaStreamTrack | null} */ #measured = null;
  #stopMeter = () => {};

  /**
   * @param {HTMLElement} element
   * @param {import('./devices.js').Devices} devices
   * @param {(wish: Wish) => Promise<void>} join rejects with what to say
   * @param {string} [token] says which meeting, and who
   */
  constructor(element, devices, join, token) {
    this.element = element;
    this.devices = devices;
    this.join = join;
    const text = strings.lobby;
    this.video = make('video', { playsinline: true, muted: true, autoplay: true, 'aria-label': text.preview });
    this.video.muted = true;
    this.dark = make('p', { text: text.cameraStarts });
    this.buttons = {
      microphone: this.#toggle('microphone'),
      camera: this.#toggle('camera'),
    };
    this.level = make('div', { class: 'meter', role: 'meter', 'aria-label': text.level, 'aria-valuemin': 0,
      'aria-valuemax': 100, 'aria-valuenow': 0 }, make('i'));
    this.note = make('p', { class: 'device-note', role: 'status' });
    this.selects = { microphone: this.#select('microphone'), camera: this.#select('camera') };
    const invited = claimsOf(token);
    this.name = make('input', { name: 'name', autocomplete: 'name', maxlength: 64, required: !invited?.name });
    this.meeting = make('input', { name: 'meeting', autocomplete: 'off', maxlength: 64, required: !invited,
      pattern: '[A-Za-z0-9._~\\-]+', title: text.meetingRule, spellcheck: 'false', autocapitalize: 'off' });
    this.submit = make('button', { type: 'submit', id: 'join-now', class: 'primary', text: text.join });
    this.error = make('p', { id: 'join-error', class: 'error', role: 'alert' });
    const mirror = make('div', { class: 'mirror' }, this.video, this.dark,
      make('div', { class: 'mirror-buttons' }, this.buttons.microphone, this.buttons.camera));
    const meetingField = make('label', { class: 'field', hidden: invited !== null }, text.meeting, this.meeting);
    const nameField = make('label', { class: 'field', hidden: Boolean(invited?.name) }, text.name, this.name);
    const lead = invited ? text.invited(invited.name, invited.meeting) : text.lead;
    this.form = make('form', { id: 'join', class: 'lobby-form', onsubmit: (event) => {
      event.preventDefault();
      void this.submitted();
    } },
    make('div', { class: 'preview' }, mirror, this.level, this.note, make('div', { class: 'devices' },
      ...DEVICES.map((device) => make('label', { class: 'field' }, strings.devices[device], this.selects[device])))),
    make('div', { class: 'lobby-fields' },
      make('h1', { text: strings.title }), make('p', { class: 'lead', text: lead }),
      nameField, meetingField, this.submit, this.error));
    element.replaceChildren(this.form);
    devices.addEventListener('change', () => this.#render());
    navigator.mediaDevices?.addEventListener('devicechange', () => this.#render());
  }

  /** @param {Device} device */
  #toggle(device) {
    return button(strings.devices[device], () => {
      if (this.#wanted.has(device)) {
        this.#wanted.delete(device);
        this.devices.close(device);
      } else {
        this.#wanted.add(device);
        void this.devices.open(device);
      }
      this.#render();
    }, { icon: device, 'aria-pressed': 'true' });
  }

  /** @param {Device} device */
  #select(device) {
    const select = make('select', { onchange: () => {
      this.#wanted.add(device);
      void this.devices.open(device, select.value);
    } });
    return select;
  }

  /** What is to be on the next time. @param {Device[]} wanted */
  want(wanted) {
    this.#wanted = new Set(wanted);
  }

  /** What is to be on in the meeting. What can not be used was told about already. */
  get wanted() {
    return DEVICES.filter((device) => this.#wanted.has(device) && !this.devices.faults[device]);
  }

  /**
   * Shows the form, and with it the camera.
   * @param {{ name?: string, meeting?: string, error?: string, devices?: boolean }} fill `devices`: false for none
   */
  show({ name, meeting, error = '', devices = true }) {
    if (!devices) this.#wanted.clear();
    this.element.hidden = false;
    this.name.value = name ?? (this.name.value || kept('name'));
    this.meeting.value = meeting ?? (this.meeting.value || kept('meeting') || 'main');
    setText(this.error, error);
    void this.devices.openAll([...this.#wanted]);
    this.#render();
    const first = this.name.checkVisibility() ? this.name : this.submit;
    first.focus();
    if (first === this.name) this.name.select();
  }

  hide() {
    this.element.hidden = true;
    this.#measure(null);
    this.video.srcObject = null;
  }

  /** Joins with what the fields say. */
  async submitted() {
    const wish = { name: this.name.value.trim(), meeting: this.meeting.value.trim() };
    this.submit.disabled = true;
    setText(this.submit, strings.lobby.joining);
    setText(this.error, '');
    try {
      await this.join(wish);
      keep('name', wish.name);
      keep('meeting', wish.meeting);
    } catch (error) {
      setText(this.error, error instanceof Error ? error.message : String(error));
    } finally {
      this.submit.disabled = false;
      setText(this.submit, strings.lobby.join);
    }
  }

  #render() {
    if (this.element.hidden) return;
    const { tracks, faults } = this.devices;
    for (const device of DEVICES) {
      const on = tracks[device] !== null;
      setAttribute(this.buttons[device], 'aria-pressed', on);
      this.buttons[device].classList.toggle('off', !on);
      setIcon(this.buttons[device], on ? device : `${device}-off`);
      void this.#fill(device);
    }
    const said = DEVICES.flatMap((device) => {
      const fault = faults[device];
      return fault && this.#wanted.has(device) ? [strings.devices.faults[device][fault]] : [];
    });
    setText(this.note, said.join(' '));
    const { camera, microphone } = tracks;
    const shown = this.video.srcObject instanceof MediaStream ? this.video.srcObject.getVideoTracks()[0] : null;
    if (camera !== (shown ?? null)) this.video.srcObject = camera ? new MediaStream([camera]) : null;
    const waiting = this.#wanted.has('camera') && !faults.camera;
    setText(this.dark, waiting ? strings.lobby.cameraStarts : strings.lobby.cameraOff);
    this.dark.hidden = camera !== null;
    this.video.hidden = camera === null;
    this.#measure(microphone);
  }

  /** @param {MediaStreamTrack | null} track */
  #measure(track) {
    if (track === this.#measured) return;
    this.#stopMeter();
    this.#measured = track;
    const show = (/** @type {number} */ level) => {
      this.level.style.setProperty('--level', level.toFixed(2));
      setAttribute(this.level, 'aria-valuenow', Math.round(level * 100));
    };
    const stop = track ? meter(track, show) : () => {};
    this.#stopMeter = () => { stop(); show(0); };
  }

  /** @param {Device} device */
  async #fill(device) {
    const select = this.selects[device];
    const found = await choices(device === 'microphone' ? 'audioinput' : 'videoinput');
    const current = this.devices.tracks[device]?.getSettings().deviceId ?? kept(device);
    fillSelect(select, found, current, strings.devices[device]);
  }
}

/**
 * What a token says of the meeting and the name. Only to be shown: the server reads it for itself.
 * @param {string | undefined} token
 */
function claimsOf(token) {
  if (!token) return null;
  try {
    const bytes = atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'));
    const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (one) => one.charCodeAt(0))));
    return { name: String(claims.name ?? ''), meeting: String(claims.video?.room ?? '') };
  } catch {
    return { name: '', meeting: '' }; // the server says what is wrong with it
  }
}
