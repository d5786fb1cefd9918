/** The dialog of the list: choose a file, look at what it says, import it, and see what the server objects to. */

import { button, make } from '../elements.js';
import { preview, template } from './csv.js';
import { texts } from './strings.js';

/** @typedef {import('./actions.js').Actions} Actions */
/** @typedef {{ line: number, message: string }} Fault */

const ROOMS_SHOWN = 30;
const PEOPLE_SHOWN = 12;

/** What the file says, by room. @param {string} text */
function summary(text) {
  const read = preview(text);
  if (!read) return make('p', { class: 'csv-faults', role: 'alert', text: texts.csv.noHeading });
  const rooms = [...read.rooms];
  const list = rooms.slice(0, ROOMS_SHOWN).map(([room, rows]) => {
    const names = rows.slice(0, PEOPLE_SHOWN).map((row) => row.name || row.email);
    if (rows.length > PEOPLE_SHOWN) names.push(texts.csv.more(rows.length - PEOPLE_SHOWN));
    return make('li', {}, make('strong', { text: room || texts.csv.noRoom }), make('span', { text: names.join(', ') || texts.nobody }));
  });
  if (rooms.length > ROOMS_SHOWN) list.push(make('li', { text: texts.csv.more(rooms.length - ROOMS_SHOWN) }));
  return make('div', {}, make('p', { class: 'csv-found', text: texts.csv.found(read.people, rooms.length) }),
    make('ul', { class: 'csv-rooms' }, ...list));
}

/** What the server objects to, with the lines as they stand in the file. @param {Fault[]} faults @param {string} text */
function faultList(faults, text) {
  const lines = text.split(/\r\n|\n|\r/);
  return make('div', { class: 'csv-faults', role: 'alert' }, make('p', { text: texts.csv.faults(faults.length) }),
    make('ul', {}, ...faults.map(({ line, message }) => make('li', {},
      make('span', { text: texts.csv.fault(line, message) }), make('code', { text: lines[line - 1] ?? '' })))));
}

/** The errors by line of a refusal, if it has any. @param {unknown} error @returns {Fault[] | null} */
function faultsOf(error) {
  const data = error instanceof Error && 'data' in error ? error.data : null;
  const errors = data && typeof data === 'object' && 'errors' in data ? data.errors : null;
  return Array.isArray(errors) && errors.length > 0 ? errors : null;
}

/** @param {Actions} actions */
function download(actions) {
  const { places } = actions;
  const names = (places.list[0]?.people ?? []).filter((id) => id !== actions.client.id).map((id) => actions.nameOf(id));
  const link = make('a', { download: texts.csv.file });
  link.href = URL.createObjectURL(new Blob([template(names)], { type: 'text/csv' }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}

/** Asks until the list is taken or given up. @param {Actions} actions */
export async function importDialog(actions) {
  const { csv } = texts;
  let text = '';
  const shown = make('div', { class: 'csv-preview', 'aria-live': 'polite' });
  const file = make('input', { type: 'file', accept: '.csv,text/csv', required: true, 'aria-label': csv.choose });
  file.addEventListener('change', async () => {
    text = await file.files?.[0]?.text().catch(() => '') ?? '';
    shown.replaceChildren(text ? summary(text) : make('p', { class: 'csv-faults', role: 'alert', text: csv.unreadable }));
  });
  const body = make('div', { class: 'dialog-fields csv' }, file,
    button(csv.template, () => download(actions), { class: 'link' }), shown);
  const revision = actions.client.plan.revision;
  while (await actions.tools.dialog({ title: csv.title, text: csv.text, body, confirm: csv.go, wide: true })) {
    /** @type {Fault[] | null} */ let faults = null;
    const done = await actions.run(() => actions.client.call('breakout.import_csv', { text, revision }).catch((error) => {
      faults = faultsOf(error);
      if (!faults) throw error;
    }));
    if (!done) return;
    if (!faults) {
      const read = preview(text);
      if (read) actions.tools.toast(csv.done(read.people, read.rooms.size));
      return;
    }
    shown.replaceChildren(faultList(faults, text));
    file.value = ''; // the same file, mended, is another choice
    text = '';
  }
}
