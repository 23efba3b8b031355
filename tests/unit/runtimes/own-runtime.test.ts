/** The seam: a runtime that is none of ours, whose worker is a program of the test's, run by the pool like any other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { answerOf } from '../../helpers/answer-of.js';
import { profileKey } from '../../../src/model/function/profile.js';
import { InstalledRuntime } from '../../../src/runtimes/installed-runtime.js';
import type { Runtime } from '../../../src/runtimes/runtime.js';
import { invokeMessage, PoolFixture, request } from '../../helpers/pool-fixture.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';
import { workerRuntime } from '../../helpers/worker-runtime.js';

/** Speaks the protocol with nothing of ours: it answers with what it was given, in capitals. */
const worker = `
process.chdir(process.env.GLAMBDAR_SLOT);
const socket = require('node:net').connect('s');
const send = (header, body = '') => {
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(Buffer.byteLength(JSON.stringify(header)), 0);
  lengths.writeUInt32BE(Buffer.byteLength(body), 4);
  socket.write(Buffer.concat([lengths, Buffer.from(JSON.stringify(header) + body)]));
};
let bytes = Buffer.alloc(0);
socket.on('connect', () => send({ type: 'ready', protocol: PROTOCOL, node: 'shout', clockMs: 0 }));
socket.on('data', (chunk) => {
  bytes = Buffer.concat([bytes, chunk]);
  while (bytes.length >= 8) {
    const bodyAt = 8 + bytes.readUInt32BE(0);
    const end = bodyAt + bytes.readUInt32BE(4);
    if (bytes.length < end) return;
    const { type, id } = JSON.parse(bytes.subarray(8, bodyAt));
    const body = String(bytes.subarray(bodyAt, end)).toUpperCase();
    bytes = bytes.subarray(end);
    if (type === 'load') send({ type: 'loaded', id });
    const accounts = { cut: { stdout: 0, stderr: 0 }, peakMemoryKb: 1 };
    const answer = [process.env.LANGUAGE, process.argv[2], body].join(' ');
    if (type === 'invoke') send({ type: 'response', id, statusCode: 200, headers: [], ...accounts }, answer);
  }
});
socket.on('close', () => process.exit());
`;

const protocol = join(import.meta.dirname, '../../../worker/node/protocol.cjs');

const shout: Runtime = {
  name: 'shout',
  image: { type: 'reference', reference: 'somebody/shout' },
  command: (memoryMb) => ['node', '/worker/shout.cjs', `memory=${memoryMb}`],
  env: { LANGUAGE: 'shout' },
  variableProblem: () => null,
  foreseeEntry: () => null,
  workerFiles: () => {
    const version = /PROTOCOL_VERSION = (\d+)/.exec(readFileSync(protocol, 'utf8'))?.[1] ?? '';
    return { 'shout.cjs': worker.replace('PROTOCOL', version) };
  },
};

test('a function of another runtime is loaded and called like any other', async (t) => {
  const installed = new InstalledRuntime(shout, join(temporaryDirectory(t), 'shout'));
  const fixture = new PoolFixture(t, {
    runtimeOf: (name) => (name === 'shout' ? installed : workerRuntime),
  });
  fixture.driver.inhabitant = 'worker';
  const call = request();
  const profile = { ...call.workload.profile, runtime: 'shout' };
  const lease = await fixture.pool.acquire({
    ...call,
    workload: { ...call.workload, profile, profileKey: profileKey(profile) },
  });
  const result = await answerOf(lease.instance, invokeMessage(), Buffer.from('hello'), () => undefined);
  t.is('body' in result && result.body.toString(), 'shout memory=128 HELLO');
  t.like(fixture.driver.started[0], { image: shout.image });
  t.deepEqual(
    fixture.driver.started[0]?.mounts.map(({ target }) => target),
    ['/slot', '/worker', '/etc/passwd'],
  );
  await lease.release(false);
  await fixture.empty();
});
