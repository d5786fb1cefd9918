/** How the connection does, in a few numbers, from the browser's many (`getStats`). */

/** @import { SlotStats, Stats as Summary } from './client.d.ts' */

/** @typedef {{ at: number, sent: number, received: number, packets: number, lost: number, slots: Map<string, number> }} Sample */

/** @param {number} part @param {number} whole */
const percent = (part, whole) => (whole > 0 ? Math.min(100, Math.max(0, (100 * part) / whole)) : 0);

export class Stats {
  /** @type {RTCPeerConnection | null} */ #peer = null;
  /** @type {Sample} */ #before = { at: 0, sent: 0, received: 0, packets: 0, lost: 0, slots: new Map() };

  /**
   * Rates are over the time since the last call, the first time since the connection began.
   * @param {RTCPeerConnection | null} peer
   * @returns {Promise<Summary>}
   */
  async read(peer) {
    /** @type {Summary} */
    const summary = {
      rttMs: null, up: { bps: 0, lossPercent: 0 }, down: { bps: 0, lossPercent: 0, freezes: 0 }, slots: new Map(),
    };
    if (!peer) return summary;
    const reports = [...(await peer.getStats()).values()];
    const of = (/** @type {string} */ type) => reports.filter((report) => report.type === type);
    if (peer !== this.#peer) {
      this.#peer = peer;
      const began = Math.min(...of('certificate').map((one) => one.timestamp), ...of('candidate-pair').map((one) => one.timestamp));
      this.#before = { at: Number.isFinite(began) ? began : 0, sent: 0, received: 0, packets: 0, lost: 0, slots: new Map() };
    }
    const before = this.#before;
    const at = Math.max(...reports.map((report) => report.timestamp), before.at);
    const bps = (/** @type {number} */ bytes) => (at > before.at && bytes > 0 ? Math.round((8_000 * bytes) / (at - before.at)) : 0);
    const now = { at, sent: 0, received: 0, packets: 0, lost: 0, slots: new Map() };
    for (const { bytesSent = 0, headerBytesSent = 0 } of of('outbound-rtp')) now.sent += bytesSent + headerBytesSent;
    for (const report of of('inbound-rtp')) {
      const { mid, bytesReceived = 0, headerBytesReceived = 0, packetsReceived = 0, packetsLost = 0 } = report;
      const bytes = bytesReceived + headerBytesReceived;
      now.received += bytes;
      now.packets += packetsReceived;
      now.lost += packetsLost;
      now.slots.set(mid, bytes);
      summary.down.freezes += report.freezeCount ?? 0;
      /** @type {SlotStats} */
      const slot = {
        fps: report.framesPerSecond ?? 0,
        width: report.frameWidth ?? 0,
        height: report.frameHeight ?? 0,
        bps: bps(bytes - (before.slots.get(mid) ?? 0)),
      };
      summary.slots.set(mid, slot);
    }
    const losses = of('remote-inbound-rtp').map((report) => report.fractionLost ?? 0);
    summary.up = { bps: bps(now.sent - before.sent), lossPercent: 100 * Math.max(0, ...losses) };
    const lost = Math.max(0, now.lost - before.lost);
    summary.down.bps = bps(now.received - before.received);
    summary.down.lossPercent = percent(lost, lost + now.packets - before.packets);
    summary.rttMs = roundTrip(reports);
    this.#before = now;
    return summary;
  }
}

/** @param {any[]} reports @returns {number | null} */
function roundTrip(reports) {
  const transport = reports.find((report) => report.type === 'transport');
  const pairs = reports.filter((report) => report.type === 'candidate-pair');
  const pair = pairs.find((one) => one.id === transport?.selectedCandidatePairId) ?? pairs.find((one) => one.selected || one.nominated);
  if (pair?.currentRoundTripTime !== undefined) return 1_000 * pair.currentRoundTripTime;
  const times = reports.filter((report) => report.type === 'remote-inbound-rtp' && report.roundTripTime !== undefined);
  return times.length > 0 ? 1_000 * Math.min(...times.map((report) => report.roundTripTime)) : null;
}
