/** A machine that publishes by WHIP is a participant like any other: seen in the page, played by WHEP. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Aiortc } from './aiortc.js';
import { Participant, VOICES, closeAll } from './participant.js';
import { IO, Server } from './server.js';
import { until } from './until.js';

const SETTLE_MS = 15_000;
const STOP_MS = 2_000;

describe(`whip (--io ${IO})`, () => {
  /** @type {Server} */ let server;
  /** @type {Participant[]} */ const people = [];
  /** @type {Aiortc[]} */ const machines = [];
  /** @type {Aiortc} */ let publisher;
  /** @type {Aiortc} */ let player;

  /** @param {string} name */
  const voiceOf = (name) => {
    const voice = VOICES.find((one) => one.name === name);
    assert.ok(voice);
    return voice;
  };

  /** The WHEP player hears and sees this one. @param {string} name @param {number} timeoutMs */
  const plays = (name, timeoutMs) => {
    const { hz, rgb } = voiceOf(name);
    return until(`WHEP plays ${name}`, timeoutMs, () => {
      const { measured } = player;
      return measured.hz !== null && Math.abs(measured.hz - hz) < 15 && measured.rgb !== null
        && Math.hypot(...measured.rgb.map((value, at) => value - (rgb[at] ?? 0))) < 70;
    }, () => JSON.stringify(player.measured));
  };

  before(async () => {
    server = await Server.start();
    people.push(await Participant.join('chromium', server, 'whip', 'Ada'));
    // No `name` for a machine: its id is its name.
    publisher = await Aiortc.publish(`${server.url}/whip/whip?id=Whip`, voiceOf('Whip'));
    machines.push(publisher);
    player = await Aiortc.play(`${server.url}/whep/whip?id=Wall&from=Whip`);
    machines.push(player);
  });
  after(async () => {
    await Promise.allSettled(machines.map((one) => one.close()));
    await closeAll(people);
    await server?.stop();
  });

  test('what aiortc publishes is heard and seen in the page and by a WHEP player', async (t) => {
    const [ada] = people;
    assert.ok(ada);
    t.diagnostic(`Chromium after ${await ada.sensed({ hears: ['Whip'], sees: ['Whip'] }, SETTLE_MS)} ms`);
    t.diagnostic(`WHEP after ${Math.round(await plays('Whip', SETTLE_MS))} ms: ${JSON.stringify(player.measured)}`);
  });

  test('a machine is moved to a breakout room like anybody else', async (t) => {
    const [ada] = people;
    assert.ok(ada);
    const since = Date.now();
    await ada.page.evaluate(async () => {
      const [room] = await window.ringfence.breakout.create({ count: 1 });
      await window.ringfence.breakout.move(['Whip', 'Wall'], room ?? '');
    });
    t.diagnostic(`gone from the page after ${await ada.sensed({ hears: [], sees: [] }, STOP_MS, since)} ms`);
    await plays('Whip', STOP_MS);
    const back = Date.now();
    await ada.page.evaluate(() => window.ringfence.breakout.move(['Whip', 'Wall'], 'main'));
    t.diagnostic(`back after ${await ada.sensed({ hears: ['Whip'], sees: ['Whip'] }, STOP_MS, back)} ms`);
  });

  test('DELETE ends it', async (t) => {
    const [ada] = people;
    assert.ok(ada);
    const since = Date.now();
    assert.equal(await publisher.delete(), 200);
    t.diagnostic(`gone from the page after ${await ada.sensed({ hears: [], sees: [] }, STOP_MS, since)} ms`);
    await until('WHEP is silent', STOP_MS, () => player.measured.hz === null && player.measured.rgb === null,
      () => JSON.stringify(player.measured));
    assert.deepEqual(await ada.flowing(1_000), [], 'no packets come in any more');
    assert.equal(await ada.page.$('[data-participant="Whip"]'), null, 'nor is it listed');
  });
});
