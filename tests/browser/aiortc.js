/** A WHIP publisher or WHEP player in a process of its own: `tests/interop/cli.py` (aiortc). */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { until } from './until.js';

const PYTHON = process.env.RINGFENCE_PYTHON
  ?? fileURLToPath(new URL('../interop/.venv/bin/python', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../interop/cli.py', import.meta.url));
const START_MS = 30_000;
const STOP_MS = 5_000;

/** @typedef {{ event: string, hz?: number | null, rgb?: number[] | null, status?: number }} Said */

export class Aiortc {
  /** @type {Said[]} */ #said = [];
  #complaints = '';

  /** @param {string[]} options of the script */
  constructor(options) {
    this.process = spawn(PYTHON, [SCRIPT, ...options], { stdio: ['pipe', 'pipe', 'pipe'] });
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      this.#said = [...this.#said.slice(-50), JSON.parse(line)];
    });
    this.process.stderr.on('data', (text) => { this.#complaints = (this.#complaints + text).slice(-4_000); });
    this.process.on('error', (error) => { this.#complaints += String(error); });
  }

  /** @param {string} url @param {import('./probe.js').Voice} voice */
  static async publish(url, { hz, rgb }) {
    const publisher = new Aiortc(['publish', url, '--hz', String(hz), '--rgb', rgb.join()]);
    await publisher.#started();
    return publisher;
  }

  /** @param {string} url */
  static async play(url) {
    const player = new Aiortc(['play', url]);
    await player.#started();
    return player;
  }

  /** What was last decoded by a player. */
  get measured() {
    const last = this.#said.findLast((one) => one.event === 'measured');
    return { hz: last?.hz ?? null, rgb: last?.rgb ?? null };
  }

  /** DELETEs the session. @returns {Promise<number>} the status */
  async delete() {
    this.process.stdin.write('delete\n');
    const found = () => this.#said.find((one) => one.event === 'deleted');
    await until('DELETE is answered', START_MS, () => found() !== undefined, () => this.#complaints);
    return found()?.status ?? 0;
  }

  /** Ends the process: in order if it listens, else not. */
  async close() {
    if (this.process.exitCode !== null || this.process.pid === undefined) return;
    const ended = once(this.process, 'exit');
    this.process.stdin.end();
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
  }

  async #started() {
    try {
      await until(
        'aiortc is connected',
        START_MS,
        () => this.#said.some((one) => one.event === 'connected'),
        () => this.#complaints,
        () => this.process.exitCode !== null || this.process.pid === undefined,
      );
    } catch (error) {
      await this.close();
      throw error;
    }
  }
}
