/**
 * Which graphs there are, and how each of its lines comes from two scrapes. Names are those of
 * `signaling/src/relay_metrics.rs`; a graph of which the server tells nothing is not shown.
 */

import { strings } from '../strings.js';
import { cells, growth, quantile, rate } from './derive.js';

/** @typedef {import('./parse.js').Sample} Sample */
/** @typedef {[name: string, value: number | null]} Point the value of one line; null: nothing known */
/**
 * @typedef {object} Definition
 * @property {string} id
 * @property {string} title
 * @property {string} about what is counted, in a sentence
 * @property {import('./scale.js').Unit} unit
 * @property {(now: Sample, before: Sample) => Point[]} points
 */

const RELAY = 'ringfence_relay';
/** More lines than that tell nothing. */
const WAYS_MAX = 12;
const LATENCY = 'ringfence_added_latency_seconds';

/**
 * One line a shard.
 * @param {string} metric
 * @param {(shard: string, now: Sample, before: Sample) => number | null} value
 */
function byShard(metric, value) {
  return (/** @type {Sample} */ now, /** @type {Sample} */ before) => now.values(metric, 'shard')
    .map((shard) => /** @type {Point} */ ([strings.graphs.shard(shard), value(shard, now, before)]));
}

/** The rate of a counter, one line a shard. @param {string} metric */
function rateByShard(metric) {
  return byShard(metric, (shard, now, before) => rate(now, before, metric, { shard }));
}

/**
 * Lines of their own name, of a rate each; those of which the server tells nothing are left out.
 * @param {[name: string, metric: string][]} lines
 */
function rates(lines) {
  return (/** @type {Sample} */ now, /** @type {Sample} */ before) => lines
    .filter(([, metric]) => now.rows(metric).length > 0)
    .map(([name, metric]) => /** @type {Point} */ ([name, rate(now, before, metric)]));
}

/**
 * Drops by reason, over all shards: those that ever happened.
 * @param {Sample} now @param {Sample} before @returns {Point[]}
 */
function drops(now, before) {
  const metric = 'ringfence_packets_dropped_total';
  return now.values(metric, 'reason')
    .filter((reason) => (now.sum(metric, { reason }) ?? 0) > 0)
    .map((reason) => [strings.reasons[reason] ?? reason, rate(now, before, metric, { reason })]);
}

/** Ways between shards on which something was sent; if they are many, by who sends. @param {Sample} now @param {Sample} before @returns {Point[]} */
function mesh(now, before) {
  const metric = 'ringfence_mesh_packets_total';
  const used = now.rows(metric).filter((row) => row.value > 0);
  if (used.length > WAYS_MAX) {
    const senders = [...new Set(used.map((row) => row.labels['from'] ?? ''))];
    return senders.map((from) => [strings.graphs.from(from), rate(now, before, metric, { from })]);
  }
  return used.map(({ labels: { from = '', to = '' } }) => (
    [strings.graphs.way(from, to), rate(now, before, metric, { from, to })]));
}

/** @param {Sample} now @param {Sample} before @returns {Point[]} */
function meshDelay(now, before) {
  if (mesh(now, before).length === 0) return [];
  const delay = cells(now, before, 'ringfence_mesh_delay_seconds');
  return [0.5, 0.99].map((share) => [strings.graphs.quantile(share), quantile(delay, share)]);
}

/** @param {Sample} now @returns {Point[]} */
function amounts(now) {
  const { amounts: names } = strings.graphs;
  return Object.entries(names).map(([what, name]) => [name, now.sum(RELAY, { what })]);
}

/** @param {string} shard @param {Sample} now @param {Sample} before */
function meanTrain(shard, now, before) {
  const datagrams = growth(now, before, 'ringfence_train_datagrams_sum', { shard });
  const trains = growth(now, before, 'ringfence_train_datagrams_count', { shard });
  return datagrams === null || !trains ? null : datagrams / trains;
}

const text = strings.graphs.of;

/** @type {Definition[]} */
export const DEFINITIONS = [
  { id: 'packets-in', ...text.packetsIn, unit: 'rate', points: rateByShard('ringfence_packets_received_total') },
  { id: 'packets-out', ...text.packetsOut, unit: 'rate', points: rateByShard('ringfence_packets_forwarded_total') },
  {
    id: 'latency',
    ...text.latency,
    unit: 'seconds',
    points: (now, before) => {
      const all = cells(now, before, LATENCY);
      return all ? [0.5, 0.95, 0.99].map((share) => [strings.graphs.quantile(share), quantile(all, share)]) : [];
    },
  },
  {
    id: 'latency-shards',
    ...text.latencyShards,
    unit: 'seconds',
    points: byShard(`${LATENCY}_count`, (shard, now, before) => quantile(cells(now, before, LATENCY, { shard }), 0.99)),
  },
  { id: 'trains', ...text.trains, unit: 'mean', points: byShard('ringfence_train_datagrams_count', meanTrain) },
  { id: 'busy', ...text.busy, unit: 'share', points: rateByShard('ringfence_busy_seconds_total') },
  { id: 'cpu', ...text.cpu, unit: 'share', points: rateByShard('ringfence_shard_cpu_seconds_total') },
  {
    id: 'repair',
    ...text.repair,
    unit: 'rate',
    points: rates([
      [strings.graphs.repair.nacked, 'ringfence_packets_nacked_total'],
      [strings.graphs.repair.again, 'ringfence_packets_retransmitted_total'],
      [strings.graphs.repair.keyframes, 'ringfence_keyframe_requests_total'],
      [strings.graphs.repair.kernel, 'ringfence_kernel_drops_total'],
      [strings.graphs.repair.unsent, 'ringfence_send_dropped_total'],
    ]),
  },
  { id: 'drops', ...text.drops, unit: 'rate', points: drops },
  { id: 'amounts', ...text.amounts, unit: 'count', points: (now) => amounts(now) },
  {
    id: 'memory',
    ...text.memory,
    unit: 'bytes',
    points: (now) => [[strings.graphs.process, now.sum('process_resident_memory_bytes')]],
  },
  { id: 'mesh', ...text.mesh, unit: 'rate', points: mesh },
  { id: 'mesh-delay', ...text.meshDelay, unit: 'seconds', points: meshDelay },
];
