/**
 * The main job: four people, three in Chromium and one in Firefox, meet, two are moved to a breakout
 * room and back, and no connection is touched by it.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { openBrowser } from './browsers.js';
import { found, press, write } from './clicks.js';
import { Participant, closeAll } from './participant.js';
import { IO, PLACE, SHARDS, Server } from './server.js';
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
  /** Three windows of one. @type {import('puppeteer-core').Browser} */ let chromium;
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
    chromium = await openBrowser('chromium');
    /** @param {string} name */
    const join = (name) => (name === 'Dan' ? Participant.join('firefox', server, 'breakout', name)
      : Participant.join('chromium', server, 'breakout', name, server.url, chromium));
    people.push(await join('Ada')); // the first one in is the host
    await person('Ada').page.setViewport({ width: 1150, height: 760, deviceScaleFactor: 0.5 });
    await press(person('Ada').page, '#tab-rooms, #rooms');
    const joined = await Promise.allSettled(others(ALL, 'Ada').map(join));
    for (const one of joined) if (one.status === 'fulfilled') people.push(one.value);
    for (const one of joined) if (one.status === 'rejected') throw one.reason;
  });
  after(async () => {
    await closeAll(people);
    await chromium?.close();
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
    const { page } = person('Ada');
    await write(page, '.create input[name=count]', '2');
    await page.select('.create select[name=deal]', 'manual');
    await press(page, '.create button', 'Create rooms');
    for (const name of GO) await press(page, '.person', new RegExp(name));
    await press(page, '.selection-bar button', /^Assign/);
    await press(page, 'dialog button', 'Assign'); // to the first room
    await press(page, 'button', 'Start…');
    await found(page, 'dialog[open]', /2 people go to 1 room/);
    const since = await person('Ada').click('dialog[open] button[type=submit]');
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

  test('Firefox: help is asked for, the host comes; a message and a voice to all arrive', async (t) => {
    const [{ page: ada }, { page: dan }] = [person('Ada'), person('Dan')];
    await press(dan, '#help');
    await press(ada, '.room-help button', 'Go there');
    t.diagnostic(`the host is there after ${await together([['Bob'], [...GO, 'Ada']], 2 * MOVE_MS, Date.now())}`);
    await press(ada, '#return');
    await together([STAY, GO], 2 * MOVE_MS, Date.now());
    await press(ada, 'button', 'Message');
    await write(ada, 'dialog textarea', 'Soon over');
    await press(ada, 'dialog button', 'Send');
    await found(dan, '.banner.broadcast', /Soon over/);
    await press(ada, 'button', 'Speak to all');
    const since = await person('Ada').click('dialog[open] button[type=submit]');
    for (const name of GO) {
      const ms = await person(name).sensed({ hears: ['Ada', ...others(GO, name)], sees: others(GO, name) }, 2 * MOVE_MS, since);
      t.diagnostic(`${name} hears the host after ${ms} ms`);
    }
    await press(ada, 'button', 'End');
    await together([STAY, GO], 2 * MOVE_MS, Date.now());
  });

  test('Firefox: a guest goes back alone, refuses to come again, and accepts', async (t) => {
    const [{ page: ada }, { page: dan }] = [person('Ada'), person('Dan')];
    const since = await person('Dan').click('#return');
    t.diagnostic(`right after ${await together([[...STAY, 'Dan'], ['Cleo']], MOVE_MS, since)}`);
    assert.deepEqual(await person('Cleo').flowing(1_000), [], 'nothing arrives at somebody who is alone');
    const invite = async () => {
      await press(ada, '.person', /Dan/);
      await press(ada, '.selection-bar button', /^Move/);
      await press(ada, 'dialog[open] label', 'Ask them first');
      await press(ada, 'dialog[open] button', 'Move'); // to the first room
    };
    await invite();
    await press(dan, '.banner .reject');
    await until('the invitation is gone', 5_000, () => dan.evaluate(() => window.ringfence.invitations.length === 0));
    await together([[...STAY, 'Dan'], ['Cleo']], 2 * MOVE_MS, Date.now());
    await invite();
    await found(dan, '.banner .accept');
    const accepted = await person('Dan').click('.banner .accept');
    t.diagnostic(`in after ${await together([STAY, GO], 2 * MOVE_MS, accepted)}`);
  });

  test('the host goes from room to room', async (t) => {
    for (const [room, ...rooms] of /** @type {[string, ...string[][]][]} */ ([['b1', ['Bob'], [...GO, 'Ada']], ['b2', ['Bob'], GO, ['Ada']]])) {
      await found(person('Ada').page, `[data-place="${room}"] .room-visit`);
      const since = await person('Ada').click(`[data-place="${room}"] .room-visit`);
      t.diagnostic(`right after ${await together(rooms, MOVE_MS, since)}`);
    }
    const since = await person('Ada').click('#return');
    t.diagnostic(`right after ${await together([STAY, GO], MOVE_MS, since)}`);
  });

  test('the host brings everybody back', async (t) => {
    await press(person('Ada').page, 'button', 'All back');
    await found(person('Ada').page, 'dialog[open]');
    const since = await person('Ada').click('dialog[open] button[type=submit]');
    t.diagnostic(`right after ${await together([ALL], MOVE_MS, since)}`);
    await onlyFrom([ALL]);
  });

  test('of all that, no connection noticed anything', async () => {
    for (const one of people) {
      assert.deepEqual(await one.changes(), [], one.name);
      assert.deepEqual(one.errors, [], `errors in the page of ${one.name}`);
      assert.equal(await one.page.evaluate(() => window.ringfence.peersBuilt), 1, one.name);
    }
  });

  test('people apart were on different shards, and what they said crossed both ways', { skip: PLACE !== 'apart' }, async () => {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    for (let from = 0; from < SHARDS; from += 1) {
      const name = `ringfence_mesh_packets_total{from="${from}",to="${1 - from}"}`;
      const line = metrics.split('\n').find((one) => one.startsWith(name)) ?? '';
      assert.ok(Number(line.slice(name.length)) > 1_000, `${name}: ${line}`);
    }
  });
});
