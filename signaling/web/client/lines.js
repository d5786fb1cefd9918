/**
 * What the one offer contains: the lines this client sends on, in an order that is part of the protocol, with
 * their codecs and layers.
 */

/** @import { Sends, Source } from './client.d.ts' */

/**
 * The server tells sources by their order within their kind.
 * @type {ReadonlyArray<{ source: Source, kind: 'audio' | 'video', maxBitrate: number }>}
 */
export const LINES = [
  { source: 'microphone', kind: 'audio', maxBitrate: 40_000 },
  { source: 'camera', kind: 'video', maxBitrate: 1_500_000 },
  { source: 'screen', kind: 'video', maxBitrate: 2_500_000 },
  { source: 'screen_audio', kind: 'audio', maxBitrate: 96_000 },
  { source: 'canvas', kind: 'video', maxBitrate: 1_500_000 },
];

/**
 * Layers of the camera: how much smaller than the picture, and the part of its bits. The whole picture stands
 * first: of an answer without layers browsers make the first one their only one (RFC 8829 §5.10).
 */
const LAYERS = [
  { rid: 'f', divisor: 1, share: 1 },
  { rid: 'h', divisor: 2, share: 1 / 3 },
  { rid: 'q', divisor: 4, share: 1 / 10 },
];

/**
 * Which codecs are offered, best first. An offer with all that a browser can do is three times as long.
 * @param {'audio' | 'video'} kind
 */
function offeredCodecs(kind) {
  const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  if (kind === 'audio') return codecs.filter((codec) => /^audio\/opus$/i.test(codec.mimeType));
  const wanted = [
    /^video\/VP8 /i,
    /^video\/H264 (?=.*packetization-mode=1)(?=.*profile-level-id=42e0)/i,
    /^video\/VP9 (?!.*profile-id=[123])/i,
    /^video\/AV1 (?!.*profile=[12])/i,
    /^video\/rtx /i,
  ];
  return wanted.flatMap((pattern) => {
    const found = codecs.filter((codec) => pattern.test(`${codec.mimeType} ${codec.sdpFmtpLine ?? ''}`));
    return pattern.source.includes('rtx') ? found : found.slice(0, 1);
  });
}

/** @param {RTCRtpTransceiver} transceiver @param {'audio' | 'video'} kind */
export function trimCodecs(transceiver, kind) {
  try {
    transceiver.setCodecPreferences(offeredCodecs(kind));
  } catch {
    // A browser that can not send what it can receive: it offers all, which is longer and as good.
  }
}

/**
 * Adds the line of a source, with layers where there may be some.
 * @param {RTCPeerConnection} peer
 * @param {typeof LINES[number]} line
 * @param {boolean} layered
 */
export function addSource(peer, { source, kind, maxBitrate }, layered) {
  /** @type {RTCRtpEncodingParameters[]} */
  let sendEncodings = [{ maxBitrate }];
  if (layered && source === 'camera') {
    sendEncodings = LAYERS.map(({ rid, divisor, share }) => (
      { rid, scaleResolutionDownBy: divisor, maxBitrate: Math.round(maxBitrate * share) }));
  }
  const transceiver = peer.addTransceiver(kind, { direction: 'sendonly', sendEncodings });
  trimCodecs(transceiver, kind);
  return transceiver;
}

/**
 * Sends a picture no better than the role grants: so many lines and so many bits a second. The relay refuses bits
 * that are too many; lines only the sender counts.
 * @param {Source} source
 * @param {RTCRtpSender} sender
 * @param {number} height of the whole picture; 0: not known
 * @param {Sends['caps']} caps
 */
export async function limit(source, sender, height, caps) {
  const line = LINES.find((one) => one.source === source);
  if (line?.kind !== 'video') return;
  const [lines, bps] = source === 'camera'
    ? [caps.video_height, caps.video_bps] : [caps.screen_height, caps.screen_bps];
  const smaller = Math.max(1, lines ? height / lines : 1);
  const maxBitrate = Math.min(line.maxBitrate, bps ?? Infinity);
  const parameters = sender.getParameters();
  let same = true;
  for (const encoding of parameters.encodings) {
    const { divisor, share } = LAYERS.find((layer) => layer.rid === encoding.rid) ?? { divisor: 1, share: 1 };
    const [scale, bits] = [divisor * smaller, Math.round(maxBitrate * share)];
    same &&= encoding.scaleResolutionDownBy === scale && encoding.maxBitrate === bits;
    Object.assign(encoding, { scaleResolutionDownBy: scale, maxBitrate: bits });
  }
  // While another change is on its way this one is refused; it is made with the next look at the height.
  if (!same) await sender.setParameters(parameters).catch(() => {});
}

/**
 * Whether an answer takes layers (RFC 8853 §5.3.2), and if not, what is sent instead: the whole picture.
 * @param {RTCRtpSender} sender
 * @param {string} answer
 */
export async function settleLayers(sender, answer) {
  if (/^a=simulcast:recv/m.test(answer)) return true;
  const parameters = sender.getParameters();
  const [whole] = parameters.encodings;
  if (!whole) return false;
  parameters.encodings.forEach((encoding, at) => { encoding.active = at === 0; });
  whole.scaleResolutionDownBy = 1;
  await sender.setParameters(parameters).catch(() => {}); // it then sends what it took from the answer
  return false;
}
