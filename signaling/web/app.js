/**
 * The meeting page: joining, own media, and the wiring between client, stage and rooms.
 *
 * In the address: `meeting`, `name` and `token` fill the form; `auto=1` joins at once and publishes
 * nothing. The client object is `window.ringfence`.
 */

import { Ringfence } from './client/client.js';
import { Rooms } from './rooms.js';
import { Stage } from './tiles.js';

/** @typedef {import('./client/client.js').Source} Source */

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const query = new URLSearchParams(location.search);
const form = /** @type {HTMLFormElement} */ (byId('join'));
const nameField = /** @type {HTMLInputElement} */ (form.elements.namedItem('name'));
const meetingField = /** @type {HTMLInputElement} */ (form.elements.namedItem('meeting'));
const microphoneBox = /** @type {HTMLInputElement} */ (form.elements.namedItem('microphone'));
const cameraBox = /** @type {HTMLInputElement} */ (form.elements.namedItem('camera'));

/** @type {Ringfence | null} */ let client = null;
/** @type {Stage | null} */ let stage = null;
/** @type {Rooms | null} */ let rooms = null;
let toastTimer = 0;

/** @param {string} text */
function tell(text) {
  const toast = byId('toast');
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { toast.hidden = true; }, 6_000);
}

/** Runs a command; a refusal is told, not thrown. @param {() => Promise<void>} work */
async function attempt(work) {
  try {
    await work();
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
  }
}

/** @param {boolean} microphone @param {boolean} camera whether to start them after joining */
async function join(microphone, camera) {
  const submit = /** @type {HTMLButtonElement} */ (form.querySelector('button'));
  submit.disabled = true;
  byId('join-error').textContent = '';
  const joining = new Ringfence({
    token: query.get('token') ?? undefined,
    meeting: meetingField.value.trim(),
    name: nameField.value.trim(),
  });
  client = joining;
  Object.assign(window, { ringfence: joining });
  stage = new Stage(byId('stage'), /** @type {HTMLTemplateElement} */ (byId('tile-template')), joining);
  rooms = new Rooms(byId('panel'), joining, attempt);
  for (const type of ['model', 'slots', 'speaking', 'state']) joining.addEventListener(type, renderSoon);
  joining.addEventListener('peer', listen);
  joining.addEventListener('state', () => joining.state === 'closed' && left(joining));
  try {
    await joining.connect();
  } catch (error) {
    byId('join-error').textContent = error instanceof Error ? error.message : String(error);
    return;
  } finally {
    submit.disabled = false;
  }
  remember();
  byId('lobby').hidden = true;
  byId('call').hidden = false;
  render();
  byId('microphone').focus();
  if (microphone) await attempt(() => start('microphone'));
  if (camera) await attempt(() => start('camera'));
}

/** Back to the form. @param {Ringfence} from */
function left(from) {
  if (from !== client) return;
  for (const source of /** @type {Source[]} */ (['microphone', 'camera', 'screen', 'screen_audio'])) {
    from.published(source)?.stop();
  }
  stage?.close();
  rooms?.close();
  client = null;
  byId('audio').replaceChildren();
  byId('hear').hidden = true;
  byId('call').hidden = true;
  byId('lobby').hidden = false;
  byId('join-error').textContent = from.reason;
  document.title = 'Ringfence';
}

let renderAsked = false;

/** Many events, one rendering. */
function renderSoon() {
  if (renderAsked) return;
  renderAsked = true;
  queueMicrotask(render);
}

function render() {
  renderAsked = false;
  if (!client || client.state === 'closed' || byId('call').hidden) return;
  const { room, state, peer } = client;
  const roomName = client.rooms.find((one) => one.id === room)?.name ?? room;
  byId('room-name').textContent = roomName;
  byId('meeting-name').textContent = client.meeting;
  document.title = `${roomName} · Ringfence`;
  const lost = state !== 'joined' || ['failed', 'disconnected'].includes(peer?.connectionState ?? '');
  const connection = byId('connection');
  connection.classList.toggle('lost', lost);
  const text = lost ? 'Reconnecting…' : '';
  if (connection.textContent !== text) connection.textContent = text; // a live region speaks on each write
  for (const source of /** @type {Source[]} */ (['microphone', 'camera', 'screen'])) {
    const button = byId(source);
    const on = client.published(source) !== null;
    button.setAttribute('aria-pressed', String(on));
    if (source !== 'screen') button.querySelector('use')?.setAttribute('href', `#i-${source}${on ? '' : '-off'}`);
  }
  stage?.render();
  rooms?.render();
}

/** One audio element a slot: whoever is in it is heard. */
function listen() {
  if (!client) return;
  const elements = client.slots.filter((slot) => slot.kind === 'audio').map((slot) => {
    const element = document.createElement('audio');
    element.autoplay = true;
    element.dataset.mid = slot.mid;
    element.srcObject = slot.stream;
    // Browsers want a click before they play sound.
    element.play().catch((error) => { if (error.name === 'NotAllowedError') byId('hear').hidden = false; });
    return element;
  });
  byId('audio').replaceChildren(...elements);
}

/**
 * Others are told of the microphone only: a camera that is off is seen to be off.
 * @param {Source} source
 * @param {boolean} on
 */
async function announce(source, on) {
  if (source === 'microphone') await (on ? client?.unmute('audio') : client?.mute('audio'));
}

/** @param {Source} source */
async function start(source) {
  const of = client;
  if (!of) return;
  const stream = await open(source).catch((error) => { throw deviceError(source, error); });
  if (of !== client) return stream.getTracks().forEach((track) => track.stop());
  const [track] = source === 'microphone' ? stream.getAudioTracks() : stream.getVideoTracks();
  if (!track) return;
  track.addEventListener('ended', () => void attempt(() => stop(source)));
  await of.publish(source, track);
  if (source === 'screen') await of.publish('screen_audio', stream.getAudioTracks()[0] ?? null);
  render();
  await announce(source, true);
}

/** What a device said, for people to read. @param {Source} source @param {unknown} error */
function deviceError(source, error) {
  const name = error instanceof DOMException ? error.name : '';
  if (source === 'screen' && name === 'NotAllowedError') return new Error('No screen was chosen.');
  if (name === 'NotAllowedError') return new Error(`The browser does not let this page use the ${source}.`);
  if (name === 'NotFoundError') return new Error(`There is no ${source}.`);
  if (name === 'NotReadableError') return new Error(`The ${source} is in use by another program.`);
  return error;
}

/** @param {Source} source */
async function open(source) {
  const { mediaDevices } = navigator;
  if (!mediaDevices) throw new Error('This page may use devices only over HTTPS or on localhost.');
  if (source === 'microphone') {
    return mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
  }
  if (source === 'camera') {
    return mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, height: { ideal: 720 } } });
  }
  return mediaDevices.getDisplayMedia({ video: true, audio: true });
}

/** @param {Source} source */
async function stop(source) {
  const of = client;
  if (!of) return;
  for (const one of /** @type {Source[]} */ (source === 'screen' ? ['screen', 'screen_audio'] : [source])) {
    of.published(one)?.stop();
    await of.publish(one, null);
  }
  render();
  await announce(source, false);
}

/** @param {Source} source */
const toggle = (source) => attempt(() => (client?.published(source) ? stop(source) : start(source)));

function togglePanel() {
  const open = byId('panel').classList.toggle('open');
  byId('people').setAttribute('aria-expanded', String(open));
}

/** Name and meeting are there again after a reload. */
function remember() {
  try {
    localStorage.setItem('ringfence.name', nameField.value);
    localStorage.setItem('ringfence.meeting', meetingField.value);
  } catch { /* storage is off: they are typed again */ }
}

/** @param {string} key */
function recall(key) {
  try {
    return localStorage.getItem(`ringfence.${key}`) ?? '';
  } catch {
    return '';
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void join(microphoneBox.checked, cameraBox.checked);
});
byId('create').addEventListener('submit', (event) => {
  event.preventDefault();
  const count = Number(/** @type {HTMLInputElement} */ (byId('room-count')).value);
  void attempt(async () => { await client?.breakout.create({ count }); });
});
byId('gather').addEventListener('click', () => void attempt(async () => { await client?.breakout.clearAll(); }));
for (const source of /** @type {Source[]} */ (['microphone', 'camera', 'screen'])) {
  byId(source).addEventListener('click', () => void toggle(source));
}
byId('people').addEventListener('click', togglePanel);
byId('leave').addEventListener('click', () => void client?.leave());
byId('hear').addEventListener('click', () => {
  byId('hear').hidden = true;
  for (const element of byId('audio').querySelectorAll('audio')) void element.play();
});
document.addEventListener('keydown', (event) => {
  const typing = event.target instanceof HTMLInputElement && event.target.type !== 'checkbox';
  if (!client || byId('call').hidden || typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const button = { m: 'microphone', v: 'camera', s: 'screen', p: 'people' }[event.key.toLowerCase()];
  if (button) byId(button).click();
});
// Nobody should look at the picture of someone who closed the page.
addEventListener('pagehide', () => void client?.leave());

nameField.value = query.get('name') ?? recall('name');
meetingField.value = query.get('meeting') ?? (recall('meeting') || 'main');
if (query.get('auto') === '1') void join(false, false);
