/**
 * JSON-RPC 2.0 over one WebSocket: calls with answers, and notifications from the server.
 *
 * Never reconnects: a closed one stays closed, and its owner opens another.
 */

import { ConnectionError, RpcError } from './errors.js';

const CALL_TIMEOUT_MS = 10_000;

/** One WebSocket of subprotocol `ringfence.v1`. */
export class Rpc {
  #socket;
  #nextId = 1;
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void, timer: ReturnType<typeof setTimeout> }>} */
  #calls = new Map();

  /**
   * @param {string} url
   * @param {(method: string, params: any) => void} onNotification
   */
  constructor(url, onNotification) {
    this.#socket = new WebSocket(url, 'ringfence.v1');
    const timer = setTimeout(() => this.#socket.close(), CALL_TIMEOUT_MS);
    /** Resolves when the WebSocket is open, rejects if it never will be. @type {Promise<void>} */
    this.opened = new Promise((resolve, reject) => {
      this.#socket.addEventListener('open', () => resolve());
      this.#socket.addEventListener('close', () => reject(new ConnectionError('unreachable', 'The server can not be reached.')));
    });
    this.opened.then(() => clearTimeout(timer), () => clearTimeout(timer));
    /** Resolves when the WebSocket is closed. @type {Promise<void>} */
    this.closed = new Promise((resolve) => {
      this.#socket.addEventListener('close', () => {
        for (const call of this.#calls.values()) {
          clearTimeout(call.timer);
          call.reject(new ConnectionError('unreachable', 'The connection to the server was lost.'));
        }
        this.#calls.clear();
        resolve();
      });
    });
    this.#socket.addEventListener('message', (event) => {
      const message = JSON.parse(event.data);
      if (message.id === undefined || message.id === null) onNotification(message.method, message.params ?? {});
      else this.#answered(message);
    });
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /**
   * @param {string} method
   * @param {object} [params]
   * @returns {Promise<any>}
   */
  call(method, params = {}) {
    if (!this.isOpen) return Promise.reject(new ConnectionError('unreachable', 'There is no connection to the server.'));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#calls.delete(id);
        reject(new ConnectionError('unreachable', `The server did not answer ${method} in time.`));
      }, CALL_TIMEOUT_MS);
      this.#calls.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  close() {
    this.#socket.close();
  }

  /** @param {{ id: number, result?: any, error?: { code: number, message: string, data?: unknown } }} message */
  #answered({ id, result, error }) {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    clearTimeout(call.timer);
    if (error) call.reject(new RpcError(error.code, error.message, error.data));
    else call.resolve(result);
  }
}
