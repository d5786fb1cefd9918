/**
 * Staying in the meeting: the WebSocket, joining, coming back after a loss, and repairing the path of media.
 *
 * A lost WebSocket is opened again with a growing delay, and what was missed is told then. A new
 * RTCPeerConnection is built only when the server has lost the old one. Knows of notifications only that they
 * come, and of the meeting only what `join` needs.
 */

/** @import { ConnectionErrorKind, Options, State } from './client.d.ts' */
/** @import { Media } from './media.js' */
/** @import { Model } from './model.js' */

import { ConnectionError, messageOf, refusal } from './errors.js';
import { Rpc } from './rpc.js';

const PROTOCOL = 1;
const BACKOFF_MS = [250, 500, 1_000, 2_000, 4_000];
/** How long a path may be silent before it is repaired. Browsers say `disconnected` after about 5 s. */
const DISCONNECTED_MS = 2_000;
const REPAIR_MS = 8_000;
/** How long media may take to connect before it is said that it can not. */
const UDP_MS = 10_000;
const UDP_BLOCKED = 'The server answers, but no media gets through: this network seems to block UDP.';

/**
 * @typedef {object} Owner
 * @property {(type: string) => void} tell
 * @property {(method: string, params: any) => void} notified
 * @property {(rpc: Rpc, answer: any) => Promise<void>} joined before media can flow
 * @property {(rpc: Rpc, answer: any) => Promise<void>} settled when media is negotiated
 */

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The address of the WebSocket: by default of the page's own host. @param {string | undefined} url */
function address(url) {
  const page = globalThis.location;
  return url ?? `${page.protocol === 'https:' ? 'wss' : 'ws'}://${page.host}/v1/rpc`;
}

export class Connection {
  /** @type {State} */ state = 'idle';
  /** Why it was lost or refused, for people to read. */ reason = '';
  /** The same for programs. @type {Error | null} */ error = null;
  /** Whether a session is being opened. */ joining = false;

  #options;
  #owner;
  #model;
  #media;
  /** @type {Rpc | null} */ #rpc = null;
  /** @type {() => void} */ #wake = () => {};
  #repairing = false;
  #ended = false;

  /** @param {Options} options @param {Owner} owner @param {Model} model @param {Media} media */
  constructor(options, owner, model, media) {
    this.#options = options;
    this.#owner = owner;
    this.#model = model;
    this.#media = media;
  }

  get isOpen() {
    return this.#rpc?.isOpen ?? false;
  }

  /** @param {string} method @param {object} [params] @returns {Promise<any>} */
  call(method, params = {}) {
    const lost = () => new ConnectionError('unreachable', 'There is no connection to the server.');
    return this.#rpc ? this.#rpc.call(method, params) : Promise.reject(lost());
  }

  /** Joins, and stays joined. Rejects if the very first attempt fails; nothing is retried then. */
  async open() {
    if (this.state !== 'idle') throw new Error('This one is connected already, or was: make a new one.');
    this.#setState('connecting');
    globalThis.addEventListener?.('online', this.#retryNow);
    try {
      await this.#session();
      void this.#stay();
    } catch (error) {
      const why = refusal(error) ?? (error instanceof Error ? error : new Error(messageOf(error)));
      this.#end(why.message, why);
      throw why;
    }
  }

  /** Leaves for good. */
  async leave() {
    const rpc = this.#rpc;
    this.#end('', null);
    await rpc?.call('leave').catch(() => {}); // it may be gone already, which is as good
    rpc?.close();
  }

  /** Ends it: to come back would be in vain, or against what somebody wants. @param {ConnectionErrorKind} kind @param {string} reason */
  close(kind, reason) {
    this.#end(reason, new ConnectionError(kind, reason));
    this.#rpc?.close();
  }

  /** The server has lost the peer: joins anew. @param {string} reason */
  lost(reason) {
    this.reason = reason;
    this.#media.close();
    this.#rpc?.close();
  }

  /** Joins anew without a break, for what only the answer to `join` says. */
  async refresh() {
    const rpc = this.#rpc;
    if (this.joining || !rpc?.isOpen) return;
    await this.#session().catch(() => rpc.close()); // then as after any loss
  }

  /** Opens a WebSocket, joins, and has a working peer at the end. */
  async #session() {
    const rpc = new Rpc(address(this.#options.url),
      (method, params) => rpc === this.#rpc && this.#owner.notified(method, params));
    this.joining = true;
    try {
      await rpc.opened;
      const answer = await rpc.call('join', this.#whoAmI());
      const former = this.#rpc;
      this.#rpc = rpc;
      former?.close();
      await this.#owner.joined(rpc, answer);
      // Kept only if the server still has it: it then still is in its room, with all its slots.
      if (!answer.resumed || this.#media.peer?.connectionState !== 'connected') await this.#negotiate(rpc);
      await this.#owner.settled(rpc, answer);
      if (this.#ended) throw new Error('Left.');
      this.#recovered();
      this.#setState('joined');
    } catch (error) {
      rpc.close();
      throw error;
    } finally {
      this.joining = false;
    }
  }

  #whoAmI() {
    const { token, meeting, name, id, email } = this.#options;
    const who = token ? { token } : { meeting, name, id: this.#model.id || id, email };
    return { protocol: PROTOCOL, ...who, resume: this.#model.resume };
  }

  /** Reconnects for as long as nobody leaves. */
  async #stay() {
    for (let attempt = 0; !this.#ended; ) {
      const rpc = this.#rpc;
      await rpc?.closed;
      if (rpc !== this.#rpc) continue; // another one took its place
      // The relay goes on, and who is in which slot is not told any more: let all be heard.
      this.#media.soundAll();
      while (!this.#ended) {
        this.#setState('reconnecting');
        const delay = BACKOFF_MS[Math.min(attempt++, BACKOFF_MS.length - 1)] ?? 0;
        // A restarted server is not to be met by everybody in the same millisecond.
        const woken = new Promise((resolve) => { this.#wake = () => resolve(undefined); });
        await Promise.race([sleep(delay * (0.75 + Math.random() / 2)), woken]);
        if (this.#ended) return;
        try {
          await this.#session();
          attempt = 0;
          break;
        } catch (error) {
          // The token has expired or was never good for this: it will not be better the next time.
          const final = refusal(error);
          if (final) return this.#end(final.message, final);
          this.reason = messageOf(error);
          this.error = error instanceof Error ? error : null;
        }
      }
    }
  }

  /** @param {Rpc} rpc */
  async #negotiate(rpc) {
    const peer = await this.#media.negotiate((made, sdp) => {
      made.addEventListener('connectionstatechange', () => this.#peerChanged(made));
      return rpc.call('offer', { sdp });
    });
    setTimeout(() => this.#suspectUdp(peer), UDP_MS);
  }

  /** @param {RTCPeerConnection} peer */
  #peerChanged(peer) {
    if (peer !== this.#media.peer) return;
    if (this.state === 'joined') this.#recovered();
    this.#owner.tell('state');
    if (peer.connectionState === 'failed') void this.#repair(peer);
    if (peer.connectionState !== 'disconnected') return;
    setTimeout(() => {
      if (peer.connectionState === 'disconnected') void this.#repair(peer);
    }, DISCONNECTED_MS);
  }

  /** The server answers, and media does not connect. @param {RTCPeerConnection} peer */
  #suspectUdp(peer) {
    if (peer !== this.#media.peer || this.state !== 'joined' || !this.isOpen) return;
    if (peer.connectionState === 'connected') return;
    this.error = new ConnectionError('udp_blocked', UDP_BLOCKED);
    this.reason = UDP_BLOCKED;
    this.#owner.tell('state');
  }

  /** What was wrong is not any more. */
  #recovered() {
    const blocked = this.error instanceof ConnectionError && this.error.kind === 'udp_blocked';
    if (blocked && this.#media.peer?.connectionState !== 'connected') return;
    this.error = null;
    this.reason = '';
  }

  /**
   * The path is lost but the server is there: ICE restart, and a new peer if that does not help.
   * @param {RTCPeerConnection} peer
   */
  async #repair(peer) {
    const rpc = this.#rpc;
    if (this.#repairing || !rpc?.isOpen || this.#ended || peer !== this.#media.peer) return;
    this.#repairing = true;
    try {
      await this.restartIce();
      const until = performance.now() + REPAIR_MS;
      while (peer.connectionState !== 'connected' && performance.now() < until) await sleep(100);
      if (peer.connectionState !== 'connected') throw new Error('The path is still lost.');
    } catch {
      // A new session either works or is retried with a delay; a half-working one is not kept.
      if (rpc === this.#rpc && peer === this.#media.peer) {
        peer.close();
        rpc.close();
      }
    } finally {
      this.#repairing = false;
    }
  }

  restartIce() {
    return this.#media.restartIce((sdp) => this.call('ice_restart', { sdp }));
  }

  #retryNow = () => this.#wake();

  /** @param {string} reason @param {Error | null} error */
  #end(reason, error) {
    this.#ended = true;
    this.reason = reason;
    this.error = error;
    globalThis.removeEventListener?.('online', this.#retryNow);
    this.#wake();
    this.#media.close();
    this.#setState('closed');
  }

  /** @param {State} state */
  #setState(state) {
    if (this.#ended && state !== 'closed') return;
    this.state = state;
    this.#owner.tell('state');
  }
}
