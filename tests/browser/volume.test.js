/**
 * How loud the main room is inside a breakout where the meeting's rule makes it quiet, and by one's own choice:
 * measured in what the browser plays, after all volumes, not read off the page.
 */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { openBrowser } from './browsers.js';
import { found, press } from './clicks.js';
import { Participant } from './participant.js';
import { IO, Server } from './server.js';
import { until } from './until.js';

const WAIT_MS = 15_000;
/** Below it is nothing that anybody hears. */
const SILENT_DB = -60;
const NEAR_DB = 3;
/** What begins or ends passes through every loudness. */
const STEADY_MS = 600;
/** A tone as it is sent, of amplitude 0.4, and at the 20 % that the relay hints at. */
const USUAL_DB = 20 * Math.log10(0.4);
const DUCKED_DB = 20 * Math.log10(0.4 * 0.2);

describe(`volume (--io ${IO})`, () => {
  /** @type {Server} */ let server;
  /** @type {import('puppeteer-core').Browser} */ let browser;
  /** @type {string} */ let folder;
  /** @type {Participant[]} */ const people = [];
  const page = (/** @type {number} */ at) => /** @type {Participant} */ (people[at]).page;
  const [ada, bob] = [() => page(0), () => page(1)];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ringfence-volume-'));
    const config = join(folder, 'ringfence.toml');
    await writeFile(config, '[meeting]\non_enter = "duck"\n');
    server = await Server.start('--config', config);
    browser = await openBrowser('chromium', 0, true);
    for (const name of ['Ada', 'Bob', 'Cleo']) {
      people.push(await Participant.join('chromium', server, 'volume', name, server.url, browser));
    }
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /**
   * How loud Bob's browser plays others, in dB; −Infinity: not at all.
   * @param {import('node:test').TestContext} t
   * @param {{ Ada: number, Cleo: number }} expected
   */
  async function plays(t, expected) {
    /** @type {Record<string, number>} */ let last = {};
    let since = Infinity;
    await until(`Bob hears ${JSON.stringify(expected)} dB`, WAIT_MS, async () => {
      last = await bob().evaluate(() => window.probe.played());
      const is = Object.entries(expected).every(([name, db]) => {
        const now = last[name] ?? NaN;
        return db === -Infinity ? now < SILENT_DB : Math.abs(now - db) < NEAR_DB;
      });
      since = is ? Math.min(since, performance.now()) : Infinity;
      return performance.now() - since > STEADY_MS;
    }, () => `played ${JSON.stringify(last)}`);
    t.diagnostic(`Ada ${last.Ada} dB, Cleo ${last.Cleo} dB`);
  }

  /** @param {RegExp} how */
  async function choose(how) {
    await press(bob(), '#main-volume');
    await press(bob(), '[role=menuitem]', how);
  }

  test('in the main room everybody is played as they come', async (t) => {
    await plays(t, { Ada: USUAL_DB, Cleo: USUAL_DB });
    assert.equal(await bob().$eval('#main-volume', (button) => button.checkVisibility()), false, 'there is nothing to choose');
  });

  test('inside, by the rule of the meeting, the main room is played at a fifth, and the own room as usual', async (t) => {
    await ada().evaluate(async () => {
      const [room = ''] = await window.ringfence.breakout.create({ count: 1 });
      const guests = [...window.ringfence.participants.keys()].filter((id) => id !== window.ringfence.id);
      await window.ringfence.breakout.assign(guests, room);
      await window.ringfence.breakout.start({ consent: 'force' });
    });
    await found(bob(), '#main-volume', 'Main room: quiet');
    await plays(t, { Ada: DUCKED_DB, Cleo: USUAL_DB });
  });

  test('one may hear it as usual nevertheless, or not at all, or softly again', async (t) => {
    await choose(/heard as usual/);
    await found(bob(), '#main-volume', 'Main room: heard as usual');
    await plays(t, { Ada: USUAL_DB, Cleo: USUAL_DB });
    await choose(/quiet/);
    await plays(t, { Ada: DUCKED_DB, Cleo: USUAL_DB });
    await choose(/muted/);
    await plays(t, { Ada: -Infinity, Cleo: USUAL_DB });
  });

  test('who speaks to all rooms is not made softer', async (t) => {
    await choose(/quiet/);
    await plays(t, { Ada: DUCKED_DB, Cleo: USUAL_DB });
    await ada().evaluate(() => window.ringfence.announce(['audio']));
    await plays(t, { Ada: USUAL_DB, Cleo: USUAL_DB });
    await ada().evaluate(() => window.ringfence.announce(null));
    await plays(t, { Ada: DUCKED_DB, Cleo: USUAL_DB });
  });

  test('who muted the main room and comes back hears nobody, and finds the way to hear it again', async (t) => {
    await choose(/muted/);
    await plays(t, { Ada: -Infinity, Cleo: USUAL_DB });
    await press(bob(), '#return');
    await found(bob(), '#main-volume', 'Main room: muted');
    await ada().evaluate(() => window.ringfence.breakout.stop());
    await until('all are back', WAIT_MS, () => page(2).evaluate(() => window.ringfence.room === 'main'));
    await plays(t, { Ada: -Infinity, Cleo: -Infinity });
    assert.ok(await bob().$eval('#main-volume', (button) => button.checkVisibility()), 'the button stays');
    await choose(/heard as usual/);
    await plays(t, { Ada: USUAL_DB, Cleo: USUAL_DB });
    await until('the button is gone', WAIT_MS, () => bob().$eval('#main-volume', (button) => !button.checkVisibility()));
    for (const one of people) assert.deepEqual(one.errors, [], one.name);
  });
});
