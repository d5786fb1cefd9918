/** The client library, at the address it always had. */
export * from './client/client.js';
