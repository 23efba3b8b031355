import { Readable } from 'node:stream';
import test from 'ava';
import { toDriverError } from '../../../../src/driver/docker/engine/docker-error.js';
import { parseDockerHost } from '../../../../src/driver/docker/docker-host.js';
import { DriverError } from '../../../../src/driver/driver.js';
import { parseLdd } from '../../../../src/driver/docker/image/image-tree.js';
import { jsonLines } from '../../../../src/driver/docker/engine/json-lines.js';
import { demuxOutput } from '../../../../src/driver/docker/lifecycle/output-demux.js';
import { followStream } from '../../../../src/driver/docker/engine/progress-stream.js';

const hosts: [string | null, object][] = [
  [null, { socketPath: '/var/run/docker.sock' }],
  ['', { socketPath: '/var/run/docker.sock' }],
  ['unix:///run/user/1000/docker.sock', { socketPath: '/run/user/1000/docker.sock' }],
  ['tcp://127.0.0.1:2376', { host: '127.0.0.1', port: 2376 }],
  ['tcp://localhost', { host: 'localhost', port: 2375 }],
];
for (const [host, address] of hosts) {
  test(`DOCKER_HOST ${String(host)} is understood`, (t) =>
    t.deepEqual(parseDockerHost(host) as object, address));
}
for (const host of ['ssh://somewhere', 'unix://relative', '/var/run/docker.sock', 'tcp://']) {
  test(`DOCKER_HOST ${host} is refused`, (t) => {
    t.throws(() => parseDockerHost(host), { instanceOf: DriverError, message: /DOCKER_HOST must be/ });
  });
}

const failures: [object, 'unavailable' | 'failed', RegExp][] = [
  [{ code: 'ENOENT' }, 'unavailable', /not running or its socket is missing/],
  [{ code: 'ECONNREFUSED' }, 'unavailable', /nothing listens/],
  [{ code: 'EACCES' }, 'unavailable', /docker group .* or use sudo/],
  [{ code: 'ECONNRESET' }, 'unavailable', /restarting/],
  [{ code: 'EOTHER', message: 'odd' }, 'failed', /^Docker failed to dance: odd$/],
  [
    { statusCode: 500, message: '(HTTP code 500) server error - no - really ' },
    'failed',
    /dance: no - really$/,
  ],
];
for (const [fields, kind, message] of failures) {
  test(`${JSON.stringify(fields)} becomes ${kind}`, (t) => {
    const cause = Object.assign(new Error('x'), fields);
    const error = toDriverError(cause, 'dance');
    t.is(error.kind, kind);
    t.regex(error.message, message);
    t.is(error.cause, cause);
    t.is(toDriverError(error, 'other'), error);
  });
}

function frame(stream: number, bytes: Buffer | string): Buffer {
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(Buffer.byteLength(bytes), 4);
  return Buffer.concat([head, Buffer.from(bytes)]);
}

test('output is split by stream and cut to its end, never inside a character', (t) => {
  const all = Buffer.concat([frame(1, 'first '), frame(2, 'errör'), frame(1, 'säcond')]);
  t.deepEqual(demuxOutput(all, 100), { stdout: 'first säcond', stderr: 'errör' });
  t.deepEqual(demuxOutput(all, 5), { stdout: 'cond', stderr: 'rrör' });
  t.deepEqual(demuxOutput(Buffer.alloc(0), 5), { stdout: '', stderr: '' });
  t.deepEqual(demuxOutput(all.subarray(0, -2), 100).stdout, 'first säco');
});

test('a flood of one-byte frames is read in a loop', (t) => {
  const flood = Buffer.concat(Array.from({ length: 200_000 }, () => frame(1, 'x')));
  t.is(demuxOutput(flood, 1_000).stdout, 'x'.repeat(1_000));
});

test('JSON lines are read across chunks and characters; a cut stream throws', async (t) => {
  const text = Buffer.from('{"a":"ü"}\n\n{"a":2}\n{"a":3}');
  const chunks = Array.from({ length: text.length }, (_, i) => text.subarray(i, i + 1));
  const values: unknown[] = [];
  for await (const value of jsonLines(Readable.from(chunks))) values.push(value);
  t.deepEqual(values, [{ a: 'ü' }, { a: 2 }, { a: 3 }]);
  const cut = new Readable({ read: () => undefined });
  cut.push('{"a":');
  setImmediate(() => cut.destroy());
  await t.throwsAsync(jsonLines(cut).next(), { message: /Premature close/ });
});

test('an error in the middle of a progress stream is an error', async (t) => {
  const lines = '{"status":"Downloading"}\n{"error":"manifest unknown."}\n';
  await t.throwsAsync(followStream(Readable.from([Buffer.from(lines)])), { message: 'manifest unknown' });
  await followStream(Readable.from([Buffer.from('{"status":"done"}\n')]));
  t.pass();
});

test('ldd of glibc and of musl is understood', (t) => {
  const glibc = `\tlinux-vdso.so.1 (0x00007ffd)\n\tlibm.so.6 => /lib/x/libm.so.6 (0x01)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x02)\n\t/lib64/ld-linux-x86-64.so.2 (0x03)\n`;
  t.deepEqual(parseLdd(glibc), ['/lib/x/libm.so.6', '/lib/x/libc.so.6', '/lib64/ld-linux-x86-64.so.2']);
  const musl = `\t/lib/ld-musl-x86_64.so.1 (0x7f)\n\tlibstdc++.so.6 => /usr/lib/libstdc++.so.6 (0x7e)\n\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f)\n`;
  t.deepEqual(parseLdd(musl), ['/lib/ld-musl-x86_64.so.1', '/usr/lib/libstdc++.so.6']);
  t.throws(() => parseLdd('\tlibatomic.so.1 => not found\n'), {
    message: /lacks the library libatomic\.so\.1/,
  });
});
