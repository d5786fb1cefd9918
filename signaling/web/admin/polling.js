/**
 * Asking again and again: one request at a time, seldom while nobody looks, ever seldomer while nothing
 * answers, at once when somebody looks again.
 */

const HIDDEN_FACTOR = 8;
const WAIT_MAX_MS = 30_000;

export class Poll {
  #timer = 0;
  #failures = 0;
  #running = false;
  #again = false;
  #stopped = true;

  /**
   * @param {number} everyMs
   * @param {() => Promise<number | void>} ask fails: it was not answered; a number: so many ms more until the next
   */
  constructor(everyMs, ask) {
    this.everyMs = everyMs;
    this.ask = ask;
    this.onvisible = () => {
      if (!document.hidden) this.now();
    };
  }

  start() {
    this.#stopped = false;
    document.addEventListener('visibilitychange', this.onvisible);
    this.now();
  }

  stop() {
    this.#stopped = true;
    document.removeEventListener('visibilitychange', this.onvisible);
    clearTimeout(this.#timer);
  }

  /** Asks at once; when an answer is under way, once more after it. */
  async now() {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    let more = 0;
    try {
      more = await this.ask() ?? 0;
      this.#failures = 0;
    } catch {
      this.#failures += 1; // who asks has told
    }
    this.#running = false;
    if (this.#stopped) return;
    const wait = this.#again ? 0 : this.#wait() + more;
    this.#again = false;
    this.#timer = setTimeout(() => this.now(), wait);
  }

  #wait() {
    const often = this.everyMs * (document.hidden ? HIDDEN_FACTOR : 1);
    if (this.#failures === 0) return often;
    return Math.min(WAIT_MAX_MS, Math.max(often, this.everyMs * 2 ** Math.min(this.#failures, 8)));
  }
}
