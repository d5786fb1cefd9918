/** The way in: asks for a token where one is needed, and says in plain words why one is not taken. */

import { make, setText } from '../page/elements.js';
import { Api, ApiError } from './api.js';
import { strings } from './strings.js';
import { cleaned, keep, kept, read } from './token.js';

/** @typedef {{ api: Api, whole: boolean }} Entered `whole`: for the whole server, not for one meeting */

const AGAIN_MS = 3_000;

const text = strings.gate;

export class Gate {
  #field = make('input', {
    type: 'password',
    name: 'token',
    autocomplete: 'off',
    spellcheck: 'false',
    required: true,
    'aria-describedby': 'token-error',
  });
  #submit = make('button', { type: 'submit', class: 'primary', text: text.enter });
  #error = make('p', { class: 'error', role: 'alert', id: 'token-error' });

  /** @param {(entered: Entered) => void} onenter */
  constructor(onenter) {
    this.onenter = onenter;
    const onsubmit = (/** @type {Event} */ event) => this.#submitted(event);
    this.element = make('form', { class: 'gate card', id: 'gate', hidden: true, onsubmit },
      make('h1', { text: text.title }), make('p', { class: 'quiet', text: text.lead }),
      make('label', { class: 'field' }, make('span', { text: text.token }), this.#field),
      this.#error, this.#submit,
      make('div', { class: 'hint small' }, make('p', { class: 'quiet', text: text.hint }),
        make('code', { text: text.command }), make('p', { class: 'quiet', text: text.kept })));
  }

  /** In with the token that is kept, or without one where none is needed; else asks. */
  async open() {
    const token = kept();
    const refusal = await this.#try(token);
    if (!refusal) return;
    if (refusal.status === 0) {
      // Nobody said that the token is bad: it is tried again as it is.
      this.element.hidden = false;
      setText(this.#error, refusal.message);
      setTimeout(() => kept() === token && this.#field.value === '' && this.open(), AGAIN_MS);
      return;
    }
    keep(null);
    this.ask(token === null && refusal.status === 401 ? '' : refusal.message);
  }

  /** Asks for a token. @param {string} why the last one is not good */
  ask(why) {
    this.element.hidden = false;
    setText(this.#error, why);
    this.#field.value = '';
    this.#field.focus();
  }

  /** @param {Event} event */
  async #submitted(event) {
    event.preventDefault();
    const token = cleaned(this.#field.value);
    setText(this.#error, '');
    if (!read(token)) return setText(this.#error, text.noToken);
    this.#submit.disabled = true;
    const refusal = await this.#try(token);
    this.#submit.disabled = false;
    if (refusal) {
      setText(this.#error, refusal.message);
      this.#field.select();
    } else this.#field.value = '';
  }

  /** @param {string | null} token @returns {Promise<ApiError | null>} why not, with the mend; null: we are in */
  async #try(token) {
    const api = new Api(token);
    try {
      const whole = await isWhole(api, token);
      if (whole === null) return new ApiError(403, text.notAdmin);
      keep(token);
      this.element.hidden = true;
      this.onenter({ api, whole });
      return null;
    } catch (error) {
      const refusal = /** @type {ApiError} */ (error);
      if (refusal.status !== 401 || token === null) return refusal;
      const { expires } = read(token) ?? {};
      return new ApiError(401, expires && expires < new Date() ? text.expired : text.unaccepted(refusal.message));
    }
  }
}

/**
 * What the token is for: the whole server, one meeting (false), or nothing that is shown here (null).
 * @param {Api} api @param {string | null} token
 */
async function isWhole(api, token) {
  try {
    await api.get('/v1/drain');
    return true;
  } catch (error) {
    if (/** @type {ApiError} */ (error).status !== 403) throw error;
  }
  return token !== null && read(token)?.admin ? false : null;
}
