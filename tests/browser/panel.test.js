/**
 * The rooms panel as a host uses it, by mouse and by keyboard, with a real server and real guests.
 */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { openBrowser } from './browsers.js';
import { found, middle, press } from './clicks.js';
import { comeIn } from './crowd.js';
import { VOICES } from './participant.js';
import { IO, Server } from './server.js';
import { until } from './until.js';

/** @typedef {import('puppeteer-core').Page} Page */
/** @typedef {import('./participant.js').Participant} Participant */

const WAIT_MS = 15_000;
const HOSTILE = '<img src=x onerror="window.hurt=1">';
const CARD = '[data-place]';

/** Names in each card, by the card's title. @param {Page} page @returns {Promise<Record<string, string[]>>} */
const shown = (page) => page.$$eval('.room-card', (cards) => Object.fromEntries(cards.map((card) => [
  card.querySelector('.room-name')?.textContent ?? '', [...card.querySelectorAll('.person-name')].map((name) => name.textContent ?? '')])));

/** @param {Page} page @param {Record<string, string[]>} expected */
async function shows(page, expected) {
  let last = {};
  await until('the board shows who is where', WAIT_MS, async () => {
    last = await shown(page);
    return JSON.stringify(last) === JSON.stringify(expected);
  }, () => `shown ${JSON.stringify(last)}, expected ${JSON.stringify(expected)}`);
}

/** Takes a person and drops them on a card. @param {Page} page @param {string} name @param {string} room id */
async function drag(page, name, room) {
  const from = await middle(page, '.person', new RegExp(name));
  const to = await middle(page, `[data-place="${room}"] .room-head`);
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x + 10, from.y + 4);
  await page.mouse.move(to.x, to.y, { steps: 6 });
  await page.mouse.up();
}

/** Runs in the page: the colour of a picture, without the corner that moves. @param {HTMLVideoElement} video */
function meanColour(video) {
  const canvas = Object.assign(document.createElement('canvas'), { width: 16, height: 16 });
  const brush = canvas.getContext('2d');
  if (!brush) return [];
  brush.drawImage(video, 0, 0, 16, 16);
  const { data } = brush.getImageData(4, 4, 8, 8);
  return [0, 1, 2].map((channel) => {
    const values = [...data].filter((_, at) => at % 4 === channel);
    return Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
  });
}

/** @param {Page} page @param {string} text */
const dialogSays = (page, text) => until(`the dialog says "${text}"`, WAIT_MS, async () => (
  await page.$eval('dialog[open]', (dialog) => dialog.textContent ?? '')).includes(text));

/** @param {Page} page */
const noDialog = (page) => until('the dialog is gone', WAIT_MS, async () => (await page.$('dialog[open]')) === null);

/** @param {Page} page @param {string} text */
const told = (page, text) => until(`a notice says "${text}"`, WAIT_MS, async () => (
  await page.$eval('#toasts', (toasts) => toasts.textContent ?? '')).includes(text));

/** @param {Participant} person @param {string} room */
const isIn = (person, room) => until(`${person.name} is in ${room}`, WAIT_MS, () => (
  person.page.evaluate((id) => window.ringfence.room === id, room)));

describe(`rooms panel (--io ${IO})`, () => {
  /** @type {Server} */ let server;
  /** @type {import('puppeteer-core').Browser} */ let browser;
  /** @type {Participant[]} */ const people = [];
  /** @type {string} */ let folder;
  const person = (/** @type {number} */ at) => /** @type {Participant} */ (people[at]);
  const host = () => person(0).page;

  /** Chooses a file in the dialog of the list. @param {string} text */
  async function choose(text) {
    const path = join(folder, 'list.csv');
    await writeFile(path, text);
    const input = /** @type {import('puppeteer-core').ElementHandle<HTMLInputElement>} */ (await found(host(), 'dialog input[type=file]'));
    await input.uploadFile(path);
  }

  /** Goes to the tab of the rooms. @param {Page} page */
  async function openRooms(page) {
    if (!await page.$eval('#panel-rooms', (panel) => panel.checkVisibility())) await press(page, '#rooms');
    await found(page, '.rooms-panel');
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ringfence-'));
    server = await Server.start();
    browser = await openBrowser('chromium');
    for (const name of ['Ada', 'Bob', 'Cleo']) {
      const { person: one } = await comeIn(browser, server, { name, meeting: 'panel', width: 1280, height: 900 });
      people.push(one);
      await openRooms(one.page);
    }
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('a host makes rooms, with people spread over them', async () => {
    await press(host(), '.create input[name=count]');
    await host().keyboard.press('Backspace');
    await host().keyboard.type('2');
    await press(host(), '.create button', 'Create rooms');
    await until('two people are in two rooms', WAIT_MS, async () => {
      const { 'Room 1': one, 'Room 2': two } = await shown(host());
      return one?.length === 1 && two?.length === 1 && String([...one, ...two].sort()) === 'Bob,Cleo';
    });
    await isIn(person(1), 'main');
  });

  test('a reset, after a question, leaves nobody assigned', async () => {
    await press(host(), 'button', 'More');
    await press(host(), '[role=menuitem]', /^Reset/);
    await press(host(), 'dialog button', 'Reset');
    await shows(host(), { 'Not assigned': ['Ada', 'Bob', 'Cleo'], 'Room 1': [], 'Room 2': [] });
  });

  test('a list with a faulty line is refused by that line, a good one is taken', async () => {
    await press(host(), 'button', 'More');
    await press(host(), '[role=menuitem]', 'From a list…');
    await choose('room_name,first_name,last_name,email\r\nRed,Bob,,\r\n,Cleo,,\r\n');
    await dialogSays(host(), '2 people in 2 rooms');
    await press(host(), 'dialog button', 'Import');
    await dialogSays(host(), 'Line 3: room_name is empty');
    await dialogSays(host(), ',Cleo,,');
    assert.deepEqual(Object.keys(await shown(host())), ['Not assigned', 'Room 1', 'Room 2'], 'nothing was done');
    await choose(`room_name,first_name,last_name,email\r\nRed,Bob,,\r\nRed,Cleo,,\r\n"${HOSTILE.replaceAll('"', '""')}",Dan,Late,dan@x.org\r\n`);
    await dialogSays(host(), '3 people in 2 rooms');
    await press(host(), 'dialog button', 'Import');
    await noDialog(host());
    await shows(host(), { 'Not assigned': ['Ada'], 'Room 1': [], 'Room 2': [], Red: ['Bob', 'Cleo'], [HOSTILE]: [] });
    await found(host(), `${CARD} .room-line`, /1 expected from the list/);
    assert.equal(await host().evaluate(() => 'hurt' in window || document.querySelector('#panel img') !== null), false);
  });

  test('the template names those who are here', async () => {
    const session = await host().createCDPSession();
    await session.send('Browser.setDownloadBehavior', {
      behavior: 'allow', downloadPath: folder, eventsEnabled: true, browserContextId: host().browserContext().id,
    });
    const done = new Promise((resolve) => session.on('Browser.downloadProgress', ({ state }) => state === 'completed' && resolve(state)));
    await drag(host(), 'Cleo', 'main');
    await shows(host(), { 'Not assigned': ['Ada', 'Cleo'], 'Room 1': [], 'Room 2': [], Red: ['Bob'], [HOSTILE]: [] });
    await press(host(), 'button', 'More');
    await press(host(), '[role=menuitem]', 'From a list…');
    await press(host(), 'dialog button', 'Download a template');
    await done;
    assert.equal(await readFile(join(folder, 'breakout-rooms.csv'), 'utf8'), 'room_name,first_name,last_name,email\r\n,Cleo,,\r\n');
    await press(host(), 'dialog button', 'Cancel');
  });

  test('rooms are deleted, and renamed in place', async () => {
    for (const name of ['Room 1', 'Room 2']) {
      await press(host(), 'button', `More for ${name}`);
      await press(host(), '[role=menuitem]', 'Delete this room');
    }
    await press(host(), 'button.room-name', HOSTILE);
    await host().keyboard.type('Blue');
    await host().keyboard.press('Enter');
    await shows(host(), { 'Not assigned': ['Ada', 'Cleo'], Red: ['Bob'], Blue: [] });
    await press(host(), 'button.room-name', 'Red');
    await host().keyboard.type('never');
    await host().keyboard.press('Escape');
    await found(host(), 'button.room-name', 'Red');
  });

  test('people are assigned by dragging, and by the keyboard alone', async () => {
    const { page } = person(0);
    await drag(page, 'Bob', 'main');
    await shows(page, { 'Not assigned': ['Ada', 'Bob', 'Cleo'], Red: [], Blue: [] });
    await page.focus('[data-list="main"]');
    for (const key of /** @type {const} */ (['Home', 'ArrowDown', 'Space', 'ArrowDown', 'Space'])) await page.keyboard.press(key);
    await found(page, '.bar-count', '2 selected');
    assert.match(await page.$eval('.host > [aria-live]', (live) => live.textContent ?? ''), /Cleo selected, 2 in all/);
    await page.keyboard.press('Enter');
    await dialogSays(page, 'Where do these 2 people go?');
    await page.keyboard.press('ArrowDown'); // from the first room to the second
    await page.keyboard.press('Enter');
    await shows(page, { 'Not assigned': ['Ada'], Red: [], Blue: ['Bob', 'Cleo'] });
    assert.match(await page.$eval('.host > [aria-live]', (live) => live.textContent ?? ''), /2 people → Blue/);
    assert.equal((await page.$$('.person[aria-selected="true"]')).length, 0, 'the selection is over');
    await drag(page, 'Bob', await page.$eval('.room-card:has([title="Rename Red"])', (card) => card.getAttribute('data-place') ?? ''));
    await shows(page, { 'Not assigned': ['Ada'], Red: ['Bob'], Blue: ['Cleo'] });
  });

  test('a start on numbers that are no longer true is refused in plain words', async () => {
    await press(host(), 'button', 'Start…');
    await dialogSays(host(), '2 people go to 2 rooms, 1 in each.');
    await dialogSays(host(), '1 person stays in the main room.');
    await host().evaluate(() => window.ringfence.breakout.unassign([...window.ringfence.participants.values()]
      .filter((one) => one.name === 'Bob').map((one) => one.id))); // as another host would
    await shows(host(), { 'Not assigned': ['Ada', 'Bob'], Red: [], Blue: ['Cleo'] });
    await press(host(), 'dialog button', 'Yes, start');
    await told(host(), 'Somebody else changed the rooms');
    await isIn(person(2), 'main');
    await drag(host(), 'Bob', await roomId('Red'));
    await shows(host(), { 'Not assigned': ['Ada'], Red: ['Bob'], Blue: ['Cleo'] });
  });

  /** @param {string} name */
  const roomId = (name) => host().evaluate((wanted) => window.ringfence.rooms.find((one) => one.name === wanted)?.id ?? '', name);

  test('the start is confirmed, moves everybody at once, and sets the time', async () => {
    await press(host(), 'button', 'Start…');
    await press(host(), 'dialog input[name=minutes]');
    await host().keyboard.type('10');
    await press(host(), 'dialog button', 'Yes, start');
    await isIn(person(1), await roomId('Red'));
    await isIn(person(2), await roomId('Blue'));
    await found(host(), '.session-state', 'Rooms are open');
    await found(host(), '.session-clock', /^(10:00|9:\d\d)$/);
    await shows(host(), { 'Main room': ['Ada'], Red: ['Bob'], Blue: ['Cleo'] });
    await found(person(1).page, '.guest .session-summary', /Red/);
    await found(person(1).page, '.guest .session-clock', /^(10:00|9:\d\d)$/);
  });

  test('the time is extended, for all and for one room', async () => {
    await press(host(), 'button', 'Time');
    await press(host(), '[role=menuitem]', '5 minutes more');
    await found(host(), '.session-clock', /^(15:00|14:\d\d)$/);
    await press(host(), 'button', 'More for Red');
    await press(host(), '[role=menuitem]', 'Time limit for this room…');
    await press(host(), 'dialog button', 'Set');
    await found(host(), '.room-line', /^(10:00|9:\d\d) left$/);
  });

  test('two people change places, one is moved by dragging and brought back', async () => {
    const { page } = person(0);
    await press(page, '.person', /Bob/);
    await press(page, '.person', /Cleo/);
    await press(page, '.bar-buttons button', 'Exchange');
    await isIn(person(1), await roomId('Blue'));
    await isIn(person(2), await roomId('Red'));
    await drag(page, 'Cleo', await roomId('Blue'));
    await isIn(person(2), await roomId('Blue'));
    await shows(page, { 'Main room': ['Ada'], Red: [], Blue: ['Bob', 'Cleo'] });
    await press(page, '.person', /Cleo/);
    await press(page, '.bar-buttons button', 'Bring back');
    await isIn(person(2), 'main');
    await drag(page, 'Cleo', await roomId('Red'));
    await shows(page, { 'Main room': ['Ada'], Red: ['Cleo'], Blue: ['Bob'] });
  });

  test('a message goes to all rooms, or to one', async () => {
    const texts = (/** @type {number} */ at) => person(at).page.evaluate(() => (
      window.ringfence.messages.filter((one) => one.kind === 'broadcast').map((one) => one.text)));
    await press(host(), '.session-buttons button', 'Message');
    await host().keyboard.type('To all');
    await press(host(), 'dialog button', 'Send');
    await until('both have it', WAIT_MS, async () => `${await texts(1)} ${await texts(2)}` === 'To all To all');
    await press(host(), 'button', 'More for Blue');
    await press(host(), '[role=menuitem]', 'Write to this room…');
    await host().keyboard.type('Blue only');
    await press(host(), 'dialog button', 'Send');
    await until('one has it', WAIT_MS, async () => `${await texts(1)}` === 'To all,Blue only');
    assert.deepEqual(await texts(2), ['To all']);
  });

  test('the host speaks to all rooms, is heard there, sees that it is so, and ends it', async (t) => {
    await press(host(), '.session-buttons button', 'Speak to all');
    await press(host(), 'dialog button', 'Begin');
    await found(host(), '.session-voice', /All rooms get your microphone/);
    for (const guest of [person(1), person(2)]) {
      t.diagnostic(`${guest.name} hears after ${await guest.sensed({ hears: ['Ada'] }, WAIT_MS)} ms`);
    }
    await press(host(), '.session-voice button', 'End');
    for (const guest of [person(1), person(2)]) await guest.sensed({ hears: [] }, WAIT_MS);
    assert.equal(await host().$eval('.session-voice', (element) => element.checkVisibility()), false);
  });

  test('a guest asks for help, the host goes there and comes back', async () => {
    await press(person(1).page, 'button', 'Ask for help');
    await found(person(1).page, '.guest-asked', /A host knows/);
    await found(host(), '.room-help', /Asks for help/);
    await press(host(), '.room-help button', 'Go there');
    await isIn(person(0), await roomId('Blue'));
    await until('it is seen to', WAIT_MS, () => host().$$eval('.room-help', (all) => all.every((one) => !one.checkVisibility())));
    await press(host(), '.room-card.here .room-visit', 'Leave');
    await isIn(person(0), 'main');
    await press(person(1).page, 'button', 'Ask for help');
    await press(host(), '.room-help button', 'Dismiss');
    await found(person(1).page, 'button', 'Ask for help');
  });

  test('rooms are looked into from the main room: moving pictures, and the sound of the one that is picked', async () => {
    await press(host(), '.session-buttons button', 'Monitor');
    for (const name of ['Bob', 'Cleo']) {
      const picture = await found(host(), '.thumbnail.live', new RegExp(`${name}$`));
      const frames = () => picture.$eval('video', (video) => video.getVideoPlaybackQuality().totalVideoFrames);
      let first = 0;
      await until(`${name} is seen`, WAIT_MS, async () => (first = await frames()) > 0);
      await until(`${name} moves`, WAIT_MS, async () => await frames() > first + 3);
      const rgb = await picture.$eval('video', meanColour);
      const own = VOICES.find((voice) => voice.name === name)?.rgb ?? [];
      assert.ok(Math.hypot(...own.map((value, at) => value - (rgb[at] ?? 0))) < 70, `${name} is ${own}, not ${rgb}`);
    }
    await person(0).sensed({ hears: [], sees: [] }, WAIT_MS); // thumbnails are no tiles
    await press(host(), 'button', 'Listen to Blue');
    await person(0).sensed({ hears: ['Bob'], sees: [] }, WAIT_MS);
  });

  /** How loud a person is drawn, and the bar of a room, in parts of the whole. @param {string} name @param {string} room */
  const drawn = (name, room) => host().evaluate((who, where) => {
    const row = [...document.querySelectorAll('.person')].find((one) => one.querySelector('.person-name')?.textContent === who);
    const bar = document.querySelector(`[data-place="${where}"] .room-level`);
    const [all, part] = [bar?.getBoundingClientRect().width ?? 0, bar?.firstElementChild?.getBoundingClientRect().width ?? 0];
    return { person: Number(getComputedStyle(row ?? document.body).getPropertyValue('--level')), room: all > 0 ? part / all : -1 };
  }, name, room);

  test('how loudly people speak is drawn of the room that is heard; of another it is said that it is not known', async (t) => {
    const [red, blue] = [await roomId('Red'), await roomId('Blue')];
    /** What is drawn when it has come to rest at this amplitude. @param {number} amplitude @param {number} about */
    const speaks = async (amplitude, about) => {
      await person(1).page.evaluate((loud) => window.probe.speak(loud), amplitude);
      let last = { person: 0, room: 0 };
      await until(`Bob is drawn as loud as ${about}`, WAIT_MS, async () => {
        last = await drawn('Bob', blue);
        return Math.abs(last.person - about) < 0.1 && Math.abs(last.room - about) < 0.1;
      }, () => JSON.stringify(last));
      t.diagnostic(`amplitude ${amplitude}: ${JSON.stringify(last)}`);
    };
    await speaks(0.4, 0.98); // a sine of this amplitude has −11 dB
    await speaks(0.01, 0.34); // −43 dB
    await found(host(), `[data-place="${red}"] .room-line`, /not heard, so not known who speaks/);
    assert.deepEqual(await drawn('Cleo', red), { person: 0, room: -1 }, 'Cleo speaks, and is not heard from here');
    assert.doesNotMatch(await host().$eval(`[data-place="${blue}"]`, (card) => card.textContent ?? ''), /not heard/);
    await press(person(2).page, '#microphone');
    await found(host(), `[data-place="${red}"] .room-line`, /all muted/);
    await press(person(2).page, '#microphone');
    await speaks(0, 0);
    await speaks(0.4, 0.98);
    await press(host(), '.session-buttons button', 'Monitor');
    await until('as before', WAIT_MS, async () => (await host().$$('.thumbnail')).length === 0);
    await person(0).sensed({ hears: [], sees: [] }, WAIT_MS);
  });

  test('a room is found by its name, or by who is in it', async () => {
    const seen = () => host().$$eval('.room-card', (cards) => cards.filter((card) => card.checkVisibility())
      .map((card) => card.querySelector('.room-name')?.textContent).join());
    await press(host(), '.board-search');
    await host().keyboard.type('blu');
    await until('Blue is found', WAIT_MS, async () => await seen() === 'Blue');
    await press(host(), '.board-search');
    await host().keyboard.down('Control');
    await host().keyboard.press('a');
    await host().keyboard.up('Control');
    await host().keyboard.type('cle');
    await until('Red is found, where Cleo is', WAIT_MS, async () => await seen() === 'Red');
    for (let n = 0; n < 3; n += 1) await host().keyboard.press('Backspace');
    await until('all are there', WAIT_MS, async () => await seen() === 'Main room,Red,Blue');
  });

  test('the stop is confirmed, with a grace, and everybody is back; the groups are kept', async () => {
    await press(host(), 'button', 'Stop…');
    await dialogSays(host(), '2 people come back');
    await host().select('dialog select[name=grace]', '30');
    await press(host(), 'dialog button', 'Stop the rooms');
    await found(host(), '.session-state', 'Rooms are closing');
    await found(host(), '.session-clock', /^0:[23]\d$/);
    await press(host(), 'button', 'Stop…');
    await press(host(), 'dialog button', 'Stop the rooms');
    for (const one of people) await isIn(one, 'main');
    await shows(host(), { 'Not assigned': ['Ada'], Red: ['Cleo'], Blue: ['Bob'] });
    await press(host(), 'button', 'More');
    await press(host(), '[role=menuitem]', /^Delete all rooms/);
    await press(host(), 'dialog button', 'Delete all');
    await found(host(), '.create', /Split into rooms/);
  });

  test('nothing of it made an error, and no connection was touched', async () => {
    for (const one of people) {
      assert.deepEqual(one.errors, [], one.name);
      assert.equal(await one.page.evaluate(() => window.ringfence.peersBuilt), 1, one.name);
    }
  });
});
