/** What people are called on the page: also those who are heard and not seen here, and the server itself. */

import { strings } from './strings.js';

/** @typedef {import('../client/client.js').Ringfence} Ringfence */

/** In `from`: said by the server, by REST. */
const SERVER = 'server';

/** @param {Ringfence} client @param {string} id */
export const nameOf = (client, id) => (id === SERVER ? strings.server : client.nameOf(id));
