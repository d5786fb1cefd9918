/**
 * A picture is sent no better than the sender's role grants, and better or worse as soon as the role is another:
 * lines are counted in frames at a receiver, bits in what the encoder is told.
 */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Participant } from './participant.js';
import { IO, Server } from './server.js';
import { until } from './until.js';

const WAIT_MS = 15_000;
const ROLES = {
  host: ['["role.change", "breakout.manage"]', 'video_height = 720'],
  participant: ['[]', 'video_height = 90, screen_height = 60, video_bps = 70000'],
  small: ['[]', 'video_height = 60, screen_height = 45, video_bps = 60000'],
  large: ['[]', 'video_height = 1080, screen_height = 1080'],
};
const CONFIG = Object.entries(ROLES).map(([name, [permissions, caps]]) => `[[meeting.roles]]
name = "${name}"
permissions = ${permissions}
subscribe = {}
publish = { media = { audio = true, video = true, share = true, canvas = true }, caps = { ${caps} } }
`).join('');

for (const kind of /** @type {const} */ (['chromium', 'firefox'])) {
  describe(`caps of ${kind} (--io ${IO})`, () => {
    /** @type {Server} */ let server;
    /** @type {string} */ let folder;
    /** @type {Participant[]} */ const people = [];
    const page = (/** @type {number} */ at) => /** @type {Participant} */ (people[at]).page;
    const [ada, bob] = [() => page(0), () => page(1)];

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'ringfence-caps-'));
      await writeFile(join(folder, 'ringfence.toml'), CONFIG);
      server = await Server.start('--config', join(folder, 'ringfence.toml'));
      people.push(await Participant.join('chromium', server, 'caps', 'Ada'));
      people.push(await Participant.join(kind, server, 'caps', 'Bob'));
      await bob().evaluate(async () => {
        for (const source of /** @type {const} */ (['camera', 'screen'])) {
          // So small that no browser sends less of it before it knows the path.
          const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
          const brush = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
          let tick = 0;
          setInterval(() => {
            brush.fillStyle = `hsl(${tick += 7} 50% 50%)`;
            brush.fillRect(0, 0, canvas.width, canvas.height);
          }, 100);
          canvas.id = `own-${source}`;
          document.body.append(canvas); // else nothing holds it
          canvas.hidden = true;
          await window.ringfence.publish(source, canvas.captureStream(10).getVideoTracks()[0] ?? null);
        }
      });
    });
    after(async () => {
      await Promise.allSettled(people.map((one) => one.close()));
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    /** Heights of the frames that Ada decodes of Bob just now. @returns {Promise<Record<string, number>>} */
    const heights = () => ada().evaluate(async () => {
      const { slots } = await window.ringfence.stats();
      return Object.fromEntries(window.ringfence.slots.filter((slot) => slot.kind === 'video' && slot.participant)
        .map((slot) => [slot.source, slots.get(slot.mid)?.height ?? 0]));
    });

    /** @param {string} what @param {Record<string, number>} expected */
    async function receives(what, expected) {
      let last = {};
      return until(`${what}: ${JSON.stringify(expected)} lines come in`, WAIT_MS, async () => {
        last = await heights();
        return JSON.stringify(last, Object.keys(expected)) === JSON.stringify(expected);
      }, () => JSON.stringify(last));
    }

    /** @param {string} role */
    async function becomes(role) {
      await ada().evaluate((id, name) => window.ringfence.roles.change(id, name, { force: true }),
        await /** @type {Participant} */ (people[1]).id(), role);
    }

    /** How Bob's camera is sent: most bits a second, what its encoder aims at, and how much smaller. */
    const sent = () => bob().evaluate(async () => {
      const track = window.ringfence.published('camera');
      const sender = window.ringfence.peer?.getSenders().find((one) => one.track === track);
      const report = [...(await sender?.getStats())?.values() ?? []].find((one) => one.type === 'outbound-rtp');
      const { maxBitrate: most, scaleResolutionDownBy: smaller } = sender?.getParameters().encodings[0] ?? {};
      return { most, smaller, aims: report?.targetBitrate ?? 0 };
    });

    test('who comes in sends as many lines as the role grants, and no more', async () => {
      await receives('participant', { camera: 90, screen: 60 });
      assert.equal((await sent()).most, 70_000);
    });

    test('a picture that becomes larger is sent no larger', async () => {
      for (const height of [270, 180]) {
        await bob().evaluate((lines) => {
          const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById('own-camera'));
          [canvas.width, canvas.height] = [lines * 16 / 9, lines];
        }, height);
        await until(`a picture of ${height} lines is made smaller`, WAIT_MS, async () => (await sent()).smaller === height / 90);
        await receives(`of ${height}`, { camera: 90, screen: 60 });
      }
    });

    test('another role counts at once, without a new connection', async (t) => {
      for (const [role, expected, most] of /** @type {const} */ ([
        ['small', { camera: 60, screen: 45 }, 60_000],
        ['large', { camera: 180, screen: 180 }, 1_500_000],
        ['participant', { camera: 90, screen: 60 }, 70_000],
      ])) {
        await becomes(role);
        const ms = await receives(role, expected);
        assert.equal((await sent()).most, most);
        await until('the encoder aims at no more', WAIT_MS, async () => (await sent()).aims <= most);
        // Firefox does not say. What the first answer granted must not hold a better role down.
        if (role === 'large' && kind === 'chromium') await until('at more', WAIT_MS, async () => (await sent()).aims > 70_000);
        t.diagnostic(`${role} after ${Math.round(ms)} ms: ${JSON.stringify(await sent())}`);
      }
      for (const one of people) {
        assert.equal(await one.page.evaluate(() => window.ringfence.peersBuilt), 1, one.name);
        assert.deepEqual(one.errors, [], one.name);
      }
    });
  });
}
