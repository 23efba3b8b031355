/**
 * Owns the multiplexed form of a container's output: frames of `u8 stream | 3 unused | u32 length | bytes`.
 * dockerode's own demultiplexer (docker-modem 5.0.7, tried) recurses twice per frame and copies the rest of the buffer each
 * time: 64 KB of one-byte frames overflow the stack inside a data handler. A loop over views reads any number of frames.
 */
import type { ContainerOutput } from '../../driver.js';

const headerBytes = 8;
const stderrStream = 2;

/** The last `maxBytes` of each stream, as text. A frame cut off at the end counts as far as it goes. */
export function demuxOutput(multiplexed: Buffer, maxBytes: number): ContainerOutput {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  for (let offset = 0; offset + headerBytes <= multiplexed.length;) {
    const stream = multiplexed[offset] === stderrStream ? stderr : stdout;
    const start = offset + headerBytes;
    offset = start + multiplexed.readUInt32BE(offset + 4);
    stream.push(multiplexed.subarray(start, offset));
  }
  return { stdout: tail(stdout, maxBytes), stderr: tail(stderr, maxBytes) };
}

function tail(chunks: Buffer[], maxBytes: number): string {
  const all = Buffer.concat(chunks);
  let start = Math.max(0, all.length - maxBytes);
  // Not in the middle of a character: continuation bytes are 10xxxxxx, at most three of them.
  if (start > 0) for (let i = 0; i < 3 && ((all[start] ?? 0) & 0xc0) === 0x80; i += 1) start += 1;
  return all.subarray(start).toString('utf8');
}
