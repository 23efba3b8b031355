import test from 'ava';
import fc from 'fast-check';
import { GlambdarError, type ErrorCode } from '../../../../src/errors.js';
import { decodeError, encodeError, type EncodedError } from '../../../../src/model/call/error-codec.js';

/** What arrives at the other end of a thread and of a wire. */
const ways: [name: string, send: (encoded: EncodedError) => EncodedError][] = [
  ['a thread', structuredClone],
  ['a wire', (encoded) => JSON.parse(JSON.stringify(encoded)) as EncodedError],
];

const codes = ['INVALID_BUNDLE', 'RATE_LIMITED', 'LOAD_FAILED', 'INTERNAL', 'DISK_FULL'] as const;
const ours = fc
  .record({
    code: fc.constantFrom<ErrorCode>(...codes),
    message: fc.string({ unit: 'binary' }),
    options: fc.record(
      {
        status: fc.integer({ min: 400, max: 599 }),
        retryAfterSeconds: fc.integer({ min: 1, max: 100 }),
        details: fc.dictionary(fc.string(), fc.jsonValue()),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ code, message, options }) => new GlambdarError(code, message, options));

const visible = ({ code, status, fault, message, details, retryAfterSeconds, name }: GlambdarError) =>
  JSON.parse(JSON.stringify({ code, status, fault, message, details, retryAfterSeconds, name })) as unknown;

for (const [way, send] of ways) {
  test(`decodeError gives back all that a client may see of a GlambdarError that went through ${way}`, (t) => {
    const property = fc.property(ours, (error) => {
      const decoded = decodeError(send(encodeError(error)));
      t.true(decoded instanceof GlambdarError);
      t.deepEqual(visible(decoded as GlambdarError), visible(error));
    });
    t.notThrows(() => fc.assert(property, { numRuns: 200 }));
  });

  test(`decodeError gives back code, message, name and stack of any other error that went through ${way}`, (t) => {
    const error = Object.assign(new TypeError('no space left'), { code: 'ENOSPC' });
    const decoded = decodeError(send(encodeError(error)));
    t.false(decoded instanceof GlambdarError);
    t.like(decoded, { name: 'TypeError', message: 'no space left', code: 'ENOSPC', stack: error.stack });
  });

  test(`decodeError gives back the causes of an error that went through ${way}`, (t) => {
    const root = Object.assign(new Error('read failed'), { code: 'EIO' });
    const error = new GlambdarError('INTERNAL', 'The server failed.', {
      cause: new Error('wrapped', { cause: root }),
    });
    const decoded = decodeError(send(encodeError(error)));
    t.like(decoded.cause, { message: 'wrapped', cause: { message: 'read failed', code: 'EIO' } });
  });
}

test('encodeError makes a message of a thrown value that is no error', (t) => {
  for (const thrown of ['text', 7, null, undefined])
    t.deepEqual(encodeError(thrown), { type: 'failure', name: 'Error', message: String(thrown) });
  t.is(encodeError(Object.create(null)).message, '[Object: null prototype] {}');
});

test('encodeError ends for an error that is its own cause', (t) => {
  const error = new Error('round');
  error.cause = error;
  t.notThrows(() => JSON.stringify(encodeError(error)));
});

test('decodeError makes a plain error of one of ours whose code this release does not know', (t) => {
  for (const code of ['FROM_THE_FUTURE', 'constructor']) {
    const decoded = decodeError({ type: 'glambdar', code, status: 418, message: 'new' });
    t.false(decoded instanceof GlambdarError);
    t.like(decoded, { message: 'new', code });
  }
});
