/** The questions a host is asked: each shows a dialog and answers with what was filled in, or null. */

import { make } from '../elements.js';
import { MAIN } from './commands.js';
import { texts } from './strings.js';

/** @typedef {import('./actions.js').Actions} Actions */
/** @typedef {import('./places.js').Place} Place */

const GRACES_S = [0, 30, 60, 120, 300];
const MINUTES_MAX = 24 * 60;

/** A labelled field. @param {string} label @param {HTMLElement} field */
export const labelled = (label, field) => make('label', { class: 'field' }, make('span', { text: label }), field);

/** @param {string} type @param {import('../elements.js').Attributes} attributes @param {string} text */
const choice = (type, attributes, text) => make('label', { class: 'choice' }, make('input', { type, ...attributes }), make('span', { text }));

/** @param {string} label @param {...HTMLElement} choices */
const group = (label, ...choices) => make('fieldset', { class: 'choices' }, make('legend', { text: label }), ...choices);

/** @param {import('../elements.js').Attributes} [attributes] */
const minutesField = (attributes) => make('input', {
  type: 'number', name: 'minutes', min: 1, max: MINUTES_MAX, step: 1, inputmode: 'numeric', ...attributes,
});

/** @param {HTMLElement} body @param {string} name @returns {string} of the field, or of the one of several that is chosen */
function valueOf(body, name) {
  const chosen = body.querySelector(`[name="${name}"]:checked`) ?? body.querySelector(`[name="${name}"]:not([type=radio])`);
  return chosen instanceof HTMLInputElement || chosen instanceof HTMLTextAreaElement || chosen instanceof HTMLSelectElement
    ? chosen.value : '';
}

/** Who would go where if it began now, in numbers. @param {Actions} actions @returns {string[]} */
function forecast({ places, client }) {
  const { start } = texts;
  const { rooms } = places;
  const full = rooms.filter((room) => room.people.length > 0);
  const expected = rooms.reduce((sum, room) => sum + room.expected, 0);
  const lines = [];
  if (places.assigned === 0 && expected === 0) {
    const managing = [...client.participants.values()].filter((one) => one.id === client.id || MANAGING.has(one.role)).length;
    lines.push(start.dealt(client.participants.size - managing, rooms.length));
    if (managing > 0) lines.push(start.staying(managing));
    return lines;
  }
  const sizes = full.map((room) => room.people.length);
  const going = sizes.reduce((sum, size) => sum + size, 0);
  if (going > 0) lines.push(start.going(going, full.length, Math.min(...sizes), Math.max(...sizes)));
  const staying = places.list[0]?.people.length ?? 0;
  if (staying > 0) lines.push(start.staying(staying));
  if (full.length < rooms.length) lines.push(start.empty(rooms.length - full.length));
  if (expected > 0) lines.push(start.expected(expected));
  return lines;
}

/** Roles of the shipped templates that the server leaves where they are. */
const MANAGING = new Set(['host', 'co-host', 'moderator']);

/** @param {Actions} actions @returns {Promise<{ consent: 'ask' | 'force', timer_s?: number } | null>} */
export async function startDialog(actions) {
  const { start } = texts;
  const minutes = minutesField({ placeholder: start.none });
  const body = make('div', { class: 'dialog-fields' },
    make('ul', { class: 'forecast' }, ...forecast(actions).map((text) => make('li', { text }))),
    group(start.consent, choice('radio', { name: 'consent', value: 'force', checked: true }, start.force),
      choice('radio', { name: 'consent', value: 'ask' }, start.ask)),
    labelled(start.timer, minutes));
  if (!await actions.tools.dialog({ title: start.title, body, confirm: start.go })) return null;
  const consent = valueOf(body, 'consent') === 'ask' ? 'ask' : 'force';
  return minutes.value ? { consent, timer_s: Number(minutes.value) * 60 } : { consent };
}

/** @param {Actions} actions @returns {Promise<{ grace: number } | null>} */
export async function stopDialog(actions) {
  const { live } = texts;
  const grace = make('select', { name: 'grace' }, ...GRACES_S.map((s) => make('option', { value: s, text: live.graceOf(s) })));
  const text = live.stopText(actions.places.inside);
  const body = labelled(live.grace, grace);
  const sure = await actions.tools.dialog({ title: live.stopTitle, text, body, confirm: live.stopGo, danger: true });
  return sure ? { grace: Number(grace.value) } : null;
}

/** @param {Actions} actions @param {Place} place */
export function closeDialog(actions, { name, people }) {
  const { card } = texts;
  const text = actions.places.open ? card.closeText(people.length) : card.removeText(people.length);
  return actions.tools.dialog({ title: card.closeTitle(name), text, confirm: card.closeGo, danger: true });
}

/** @param {Actions} actions @param {string} [room] @returns {Promise<number | null>} minutes */
export async function timerDialog(actions, room) {
  const { live } = texts;
  const minutes = minutesField({ value: 10, required: true });
  const title = room === undefined ? live.timerTitle : live.roomTimerTitle(actions.roomName(room));
  const sure = await actions.tools.dialog({ title, text: live.timerText, body: labelled(live.minutes, minutes), confirm: live.timerGo });
  return sure ? Number(minutes.value) : null;
}

/** Rooms to be ticked. @param {Actions} actions @param {string[]} chosen */
const roomChoices = (actions, chosen) => make('div', { class: 'room-choices' }, ...actions.places.rooms.map((room) => (
  choice('checkbox', { name: 'rooms', value: room.id, checked: chosen.includes(room.id) }, room.name))));

/** @param {Actions} actions @param {string[]} [chosen] @returns {Promise<{ text: string, rooms?: string[] } | null>} */
export async function messageDialog(actions, chosen = []) {
  const { message } = texts;
  const area = make('textarea', { name: 'text', rows: 3, maxlength: 1_000, required: true, autofocus: true });
  const rooms = roomChoices(actions, chosen);
  const some = chosen.length > 0;
  rooms.hidden = !some;
  const body = make('div', { class: 'dialog-fields' }, labelled(message.text, area),
    group(message.to, choice('radio', { name: 'to', value: 'all', checked: !some }, message.all),
      choice('radio', { name: 'to', value: 'some', checked: some }, message.some)), rooms);
  const check = () => {
    const to = valueOf(body, 'to');
    rooms.hidden = to !== 'some';
    area.setCustomValidity(to === 'some' && !rooms.querySelector(':checked') ? message.none : '');
  };
  body.addEventListener('change', check);
  check();
  if (!await actions.tools.dialog({ title: message.title, body, confirm: message.go })) return null;
  const text = area.value.trim();
  if (!text) return null;
  if (valueOf(body, 'to') !== 'some') return { text };
  const ticked = /** @type {HTMLInputElement[]} */ ([...rooms.querySelectorAll('input:checked')]);
  return { text, rooms: ticked.map((box) => box.value) };
}

/** What is not on is not offered. @param {Actions} actions @returns {Promise<('audio' | 'video' | 'screen')[] | null>} */
export async function announceDialog(actions) {
  const { announce } = texts;
  const { client } = actions;
  const offered = /** @type {const} */ ([['audio', 'microphone'], ['video', 'camera'], ['screen', 'screen']]);
  const choices = offered.map(([source, own]) => {
    const off = client.published(own) === null;
    const text = off ? `${announce[source]} (${announce.off})` : announce[source];
    return choice('checkbox', { name: 'sources', value: source, disabled: off && source !== 'audio', checked: source === 'audio' || (source === 'screen' && !off) }, text);
  });
  const body = make('div', { class: 'choices' }, ...choices);
  if (!await actions.tools.dialog({ title: announce.title, text: announce.text, body, confirm: announce.go })) return null;
  const ticked = /** @type {HTMLInputElement[]} */ ([...body.querySelectorAll('input:checked')]);
  if (ticked.length === 0) actions.tools.toast(announce.none);
  return ticked.length > 0 ? /** @type {('audio' | 'video' | 'screen')[]} */ (ticked.map((box) => box.value)) : null;
}

/** @param {Actions} actions @param {string[]} people @returns {Promise<{ room: string, ask: boolean } | null>} */
export async function moveDialog(actions, people) {
  const { selection } = texts;
  const { places } = actions;
  const from = new Set(people.map((id) => places.of(id)));
  const rooms = places.list.filter((place) => !(from.size === 1 && from.has(place.id)));
  const label = (/** @type {Place} */ place) => `${actions.roomName(place.id)} (${texts.count(place.people.length, place.capacity)})`;
  const options = rooms.map((place) => make('option', { value: place.id, text: label(place) }));
  const first = rooms.find((place) => place.id !== MAIN);
  const select = make('select', { name: 'room', size: Math.min(8, Math.max(2, options.length)), required: true, autofocus: true }, ...options);
  select.value = first?.id ?? MAIN;
  const ask = make('input', { type: 'checkbox' });
  const asking = make('label', { class: 'choice', hidden: !places.open }, ask, make('span', { text: selection.ask }));
  const body = make('div', { class: 'dialog-fields' }, labelled(selection.room, select), asking);
  select.addEventListener('keydown', (event) => { if (event.key === 'Enter') select.form?.requestSubmit(); });
  select.addEventListener('dblclick', () => select.form?.requestSubmit());
  const confirm = places.open ? selection.go : selection.goAssign;
  if (!await actions.tools.dialog({ title: selection.moveTitle(people.length), body, confirm })) return null;
  return select.value ? { room: select.value, ask: ask.checked && select.value !== MAIN } : null;
}
