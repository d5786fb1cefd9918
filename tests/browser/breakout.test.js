/**
 * The main job: four people, three in Chromium and one in Firefox, meet, two are moved to a breakout
 * room and back, and no connection is touched by it.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Participant, closeAll } from './participant.js';
import { IO, Server } from './server.js';
import { until } from './until.js';

const ALL = ['Ada', 'Bob', 'Cleo', 'Dan'];
/** Ada and Bob stay, Cleo (Chromium) and Dan (Firefox) go. */
const STAY = ['Ada', 'Bob'];
const GO = ['Cleo', 'Dan'];
/** In which a move must be seen and heard. */
const MOVE_MS = 2_000;
/** Four browsers on two cores start their encoders at the same time. */
const SETTLE_MS = 30_000;

/** @param {string[]} room @param {string} name */
const others = (room, name) => room.filter((one) => one !== name);

describe(`breakout (--io ${IO})`, () => {
  /** @type {Server} */ let server;
  /** @type {Participant[]} */ const people = [];
  /** @param {string} name */
  const person = (name) => /** @type {Participant} */ (people.find((one) => one.name === name));

  /**
   * Everybody hears and sees exactly the people of their own room.
   * @param {string[][]} rooms
   * @param {number} timeoutMs
   * @param {number} since
   * @param {Record<string, string[]>} [shares] who sees which shared screen; default nobody any
   */
  async function together(rooms, timeoutMs, since, shares = {}) {
    const times = await Promise.all(rooms.flatMap((room) => room.map(async (name) => {
      const expected = { hears: others(room, name), sees: others(room, name), shares: shares[name] ?? [] };
      return `${name} ${await person(name).sensed(expected, timeoutMs, since)} ms`;
    })));
    return times.join(', ');
  }

  /** Packets arrive only in slots of people of the own room, and from each of them. @param {string[][]} rooms */
  async function onlyFrom(rooms) {
    await Promise.all(rooms.flatMap((room) => room.map(async (name) => {
      let flows = '';
      await until(`${name} gets packets of exactly ${others(room, name)}`, 4_000, async () => {
        const slots = await person(name).flowing(1_000);
        flows = JSON.stringify(slots);
        return ['audio', 'video'].every((kind) => (
          String(slots.filter((one) => one.kind === kind).map((one) => one.shown).sort()) === String(others(room, name))));
      }, () => flows);
    })));
  }

  before(async () => {
    server = await Server.start();
    /** @param {string} name */
    const join = (name) => Participant.join(name === 'Dan' ? 'firefox' : 'chromium', server, 'breakout', name);
    people.push(await join('Ada')); // the first one in is the host
    const joined = await Promise.allSettled(others(ALL, 'Ada').map(join));
    for (const one of joined) if (one.status === 'fulfilled') people.push(one.value);
    for (const one of joined) if (one.status === 'rejected') throw one.reason;
  });
  after(async () => {
    await closeAll(people);
    await server?.stop();
  });

  test('in the main room everybody sees and hears everybody', async (t) => {
    t.diagnostic(`right after ${await together([ALL], SETTLE_MS, Date.now())}`);
    await onlyFrom([ALL]);
    for (const one of people) {
      const { pair, states } = await one.watch();
      t.diagnostic(`${one.name}: ${states}; ${pair}`);
      assert.ok(pair, `${one.name} has no selected candidate pair`);
    }
  });

  test('one command moves two people, within 2 s, and bytes of the other room stop', async (t) => {
    const ada = person('Ada');
    await ada.click('#create button');
    await ada.page.waitForSelector('.room[data-room="b1"]', { timeout: 5_000 });
    for (const name of GO) await ada.click(`li[data-participant="${await person(name).id()}"] input`);
    const since = Date.now();
    await ada.click('.room[data-room="b1"] .bring');
    t.diagnostic(`right after ${await together([STAY, GO], MOVE_MS, since)}`);
    await onlyFrom([STAY, GO]);
  });

  test('a screen started inside a breakout is seen there, and only there', async (t) => {
    const since = Date.now();
    await person('Cleo').page.evaluate(() => window.probe.publish('Slides', ['screen']));
    t.diagnostic(`right after ${await together([STAY, GO], 5_000, since, { Dan: ['Slides'] })}`);
    await person('Cleo').page.evaluate(() => window.ringfence.publish('screen', null));
  });

  test('a microphone stops and starts inside a breakout', async (t) => {
    const [cleo, dan] = [person('Cleo'), person('Dan')];
    await dan.page.evaluate(() => window.ringfence.publish('microphone', null));
    t.diagnostic(`silent after ${await cleo.sensed({ hears: [] }, 3_000)} ms`);
    await dan.page.evaluate(() => window.probe.publish('Dan', ['microphone']));
    t.diagnostic(`heard after ${await cleo.sensed({ hears: ['Dan'] }, 3_000)} ms`);
    await cleo.page.evaluate(() => window.ringfence.mute('audio'));
    t.diagnostic(`muted after ${await dan.sensed({ hears: [] }, 2_000)} ms`);
    await cleo.page.evaluate(() => window.ringfence.unmute('audio'));
    t.diagnostic(`unmuted after ${await dan.sensed({ hears: ['Cleo'] }, 2_000)} ms`);
  });

  test('a participant goes back alone, then the host brings everybody back', async (t) => {
    let since = Date.now();
    await person('Dan').click('.room[data-room="main"] .go');
    t.diagnostic(`right after ${await together([[...STAY, 'Dan'], ['Cleo']], MOVE_MS, since)}`);
    assert.deepEqual(await person('Cleo').flowing(1_000), [], 'nothing arrives at somebody who is alone');
    since = Date.now();
    await person('Ada').click('#gather');
    t.diagnostic(`right after ${await together([ALL], MOVE_MS, since)}`);
    await onlyFrom([ALL]);
  });

  test('the host goes from room to room', async (t) => {
    const ada = person('Ada');
    for (const room of ['b1', 'b2']) {
      const since = Date.now();
      await ada.click(`.room[data-room="${room}"] .go`);
      t.diagnostic(`right after ${await together([others(ALL, 'Ada'), ['Ada']], MOVE_MS, since)}`);
    }
    const since = Date.now();
    await ada.click('.room[data-room="main"] .go');
    t.diagnostic(`right after ${await together([ALL], MOVE_MS, since)}`);
  });

  test('of all that, no connection noticed anything', async () => {
    for (const one of people) {
      assert.deepEqual(await one.changes(), [], one.name);
      assert.deepEqual(one.errors, [], `errors in the page of ${one.name}`);
      assert.equal(await one.page.evaluate(() => window.ringfence.peersBuilt), 1, one.name);
    }
  });
});
