import type { Socket } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import {
  FrameDecoder,
  ProtocolError,
  encodeFrame,
  writeFrame,
  type WorkerMessage,
} from '../../../../worker/node/protocol.cjs';

const limits = { maxHeaderBytes: 1_000, maxBodyBytes: 5_000 };
type Frame = { header: unknown; body: string };

/** A decoder and the frames it has called back with. */
function decoder(given = limits) {
  const frames: Frame[] = [];
  const instance = new FrameDecoder(given, (header, body) =>
    frames.push({ header, body: body.toString('latin1') }),
  );
  return { instance, frames };
}

function encode(header: unknown, body: string | Uint8Array = ''): Buffer {
  return Buffer.concat(encodeFrame(header as WorkerMessage, Buffer.from(body as string, 'latin1')));
}

/** Two announced sizes and what follows. */
function raw(headerBytes: number, bodyBytes: number, rest: string | Buffer = ''): Buffer {
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32BE(headerBytes, 0);
  prefix.writeUInt32BE(bodyBytes, 4);
  return Buffer.concat([prefix, Buffer.from(rest as string)]);
}

function feed(bytes: Buffer, cuts: number[], into: FrameDecoder): void {
  let at = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const end = Math.max(at, cut % (bytes.length + 1));
    into.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  into.push(Buffer.from(bytes.subarray(at)));
}

const refused: [what: string, bytes: Buffer, message: RegExp][] = [
  ['a header of no bytes', raw(0, 0), /a header of 0 bytes was announced/],
  ['a header over the limit', raw(1_001, 0), /a header of 1001 bytes was announced/],
  ['a header of 4 GiB', raw(0xffffffff, 0), /a header of 4294967295 bytes was announced/],
  ['a body over the limit', raw(2, 5_001), /a body of 5001 bytes was announced/],
  ['a body of 4 GiB', raw(2, 0xffffffff), /a body of 4294967295 bytes was announced/],
  ['text that is not JSON', raw(3, 0, '{a}'), /a header is not JSON in UTF-8/],
  [
    'bytes that are not UTF-8',
    raw(4, 0, Buffer.from([0x22, 0xff, 0xfe, 0x22])),
    /a header is not JSON in UTF-8/,
  ],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /was announced/],
];

for (const [what, bytes, message] of refused)
  test(`a decoder refuses ${what}`, (t) => {
    const { instance, frames } = decoder();
    t.throws(() => instance.push(bytes), { instanceOf: ProtocolError, message });
    t.deepEqual(frames, []);
  });

test('a decoder refuses a size as soon as the prefix is there and keeps nothing for it', (t) => {
  const { instance } = decoder();
  const prefix = raw(2, 0xffffffff);
  const before = process.memoryUsage().arrayBuffers;
  instance.push(prefix.subarray(0, 7));
  t.throws(() => instance.push(prefix.subarray(7)), { instanceOf: ProtocolError });
  t.true(process.memoryUsage().arrayBuffers - before < 1024 * 1024);
});

test('a decoder takes sizes up to the limits', (t) => {
  const { instance, frames } = decoder();
  const header = 'x'.repeat(998);
  instance.push(encode(header, 'y'.repeat(5_000)));
  t.deepEqual(frames, [{ header, body: 'y'.repeat(5_000) }]);
  t.is(instance.pendingBytes, 0);
});

test('a decoder waits for the rest of half a frame', (t) => {
  const { instance, frames } = decoder();
  const bytes = encode({ a: 1 }, 'body');
  instance.push(bytes.subarray(0, -1));
  t.deepEqual(frames, []);
  instance.push(bytes.subarray(-1));
  t.deepEqual(frames, [{ header: { a: 1 }, body: 'body' }]);
});

test('a decoder keeps a copy of what lies in memory that is used again', (t) => {
  const { instance, frames } = decoder();
  const bytes = Buffer.concat([encode({ a: 1 }, 'first'), encode({ a: 2 }, 'second')]);
  const memory = Buffer.alloc(20);
  for (let at = 0; at < bytes.length; at += memory.length) {
    const length = bytes.copy(memory, 0, at);
    instance.push(memory.subarray(0, length), true);
  }
  t.deepEqual(frames, [
    { header: { a: 1 }, body: 'first' },
    { header: { a: 2 }, body: 'second' },
  ]);
});

test('a decoder parses deep JSON without error', (t) => {
  const { instance, frames } = decoder({ maxHeaderBytes: 400_000, maxBodyBytes: 0 });
  instance.push(raw(320_000, 0, '['.repeat(160_000) + ']'.repeat(160_000)));
  t.is(frames.length, 1);
});

test('a body of single bytes takes memory by its size and time by its length', (t) => {
  const size = 1_000_000;
  const { instance, frames } = decoder({ maxHeaderBytes: 100, maxBodyBytes: size });
  const bytes = encode({ a: 1 }, 'z'.repeat(size));
  const begun = performance.now();
  let most = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    instance.push(bytes.subarray(at, at + 1));
    if (at % 50_000 === 0) most = Math.max(most, process.memoryUsage().heapUsed);
  }
  t.is(frames[0]?.body.length, size);
  t.true(performance.now() - begun < 10_000, 'quadratic work would take minutes');
  t.true(most < 400 * 1024 * 1024);
});

test('a frame with a large body is written without copying it', (t) => {
  const body = Buffer.alloc(64 * 1024, 1);
  const parts = encodeFrame({ type: 'loaded', id: 'x' }, body);
  t.is(parts.length, 2);
  t.is(parts[1]?.buffer, body.buffer);
  t.is(encodeFrame({ type: 'loaded', id: 'x' }, body.subarray(1)).length, 1);
});

/** What `writeFrame` hands to a socket, as bytes, and how many of the pieces were text. */
function written(header: unknown, body: Uint8Array | undefined): { bytes: Buffer; texts: number } {
  const pieces: Buffer[] = [];
  let texts = 0;
  const socket = {
    write(piece: string | Buffer, encoding?: BufferEncoding) {
      texts += typeof piece === 'string' ? 1 : 0;
      pieces.push(typeof piece === 'string' ? Buffer.from(piece, encoding) : piece);
      return true;
    },
    cork: () => undefined,
    uncork: () => undefined,
  };
  writeFrame(socket as unknown as Socket, header as WorkerMessage, body);
  return { bytes: Buffer.concat(pieces), texts };
}

const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);
/** Sizes about the bounds at which a frame is written in another way, and those of which a prefix has other bytes. */
const sizes = [0, 1, 127, 128, 255, 256, 4095, 4096, 4097, 65_535, 65_536, 65_537];
const headerTexts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.array(fc.nat(0xffff), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('x'.repeat(70_000), 'é'.repeat(300), '\ud800', '\udc00\ud800', '\0\x7f\x80\xff', '\u2028'),
);

test('a frame is written as the bytes it is encoded to, whatever its header and its body hold', (t) => {
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom(...sizes).map((size) => new Uint8Array(size).map((_, at) => everyByte[at % 256]!)),
    fc.constant(undefined),
  );
  fc.assert(
    fc.property(fc.dictionary(headerTexts, headerTexts, { maxKeys: 3 }), bodies, (header, body) => {
      const { bytes } = written(header, body);
      t.true(bytes.equals(Buffer.concat(encodeFrame(header as unknown as WorkerMessage, body))));
      const { instance, frames } = decoder({ maxHeaderBytes: 1_000_000, maxBodyBytes: 100_000 });
      instance.push(bytes);
      t.is(JSON.stringify(frames[0]!.header), JSON.stringify(header));
      t.is(frames[0]!.body, Buffer.from(body ?? []).toString('latin1'));
      t.is(instance.pendingBytes, 0);
    }),
    { numRuns: 300 },
  );
});

test('only a frame with a header in ASCII and a small body is written as text', (t) => {
  const texts = (header: string, bodyBytes: number): number =>
    written(header, new Uint8Array(bodyBytes)).texts;
  t.deepEqual([texts('a', 0), texts('a', 4_095), texts('\ud800', 1)], [1, 1, 1]);
  t.deepEqual([texts('a', 4_096), texts('a', 65_536), texts('é', 1)], [0, 0, 0]);
});

const frame = fc.record({ header: fc.jsonValue(), body: fc.uint8Array({ maxLength: 3_000 }) });

test('frames are decoded the same however they are cut', (t) => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 60 }), (sent, cuts) => {
      const fitting = sent.filter(({ header }) => JSON.stringify(header).length <= 900);
      const { instance, frames } = decoder({ maxHeaderBytes: 10_000, maxBodyBytes: 3_000 });
      feed(Buffer.concat(fitting.map(({ header, body }) => encode(header, body))), cuts, instance);
      t.deepEqual(
        frames,
        fitting.map(({ header, body }) => ({
          header: JSON.parse(JSON.stringify(header)) as unknown,
          body: Buffer.from(body).toString('latin1'),
        })),
      );
      t.is(instance.pendingBytes, 0);
    }),
    { numRuns: 200 },
  );
});

const garbage = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .tuple(fc.oneof(fc.nat(40), fc.nat(0xffffffff)), fc.oneof(fc.nat(40), fc.nat(0xffffffff)), fc.string())
    .map(([header, body, rest]) => new Uint8Array(raw(header, body, rest))),
);

test('garbage ends in a ProtocolError or in waiting', (t) => {
  fc.assert(
    fc.property(
      fc.array(garbage, { maxLength: 5 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (pieces, cuts) => {
        const bytes = Buffer.concat(pieces);
        const { instance } = decoder();
        try {
          feed(bytes, cuts, instance);
        } catch (error) {
          t.true(error instanceof ProtocolError, String(error));
          return;
        }
        t.true(instance.pendingBytes <= bytes.length);
      },
    ),
    { numRuns: 500 },
  );
});
