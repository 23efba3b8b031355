/** A data directory made by the last release without ids: two functions, several versions, calls with output, settings. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../../src/clock.js';
import { readRestored, readSidecar } from '../../../src/data/sidecar.js';
import { createLogs } from '../../../src/invocation/logs.js';
import { Recorder } from '../../../src/invocation/recorder.js';
import { createLogger } from '../../../src/logger.js';
import { functionIdOfEarlierRelease } from '../../../src/model/function/id.js';
import { FunctionRegistry } from '../../../src/registry/function-registry.js';
import { SqliteCallStore } from '../../../src/store/sqlite/calls/sqlite-call-store.js';
import { SqliteFunctionStore } from '../../../src/store/sqlite/functions/sqlite-function-store.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';
import { refOf } from '../store/builders.js';

const fixture = fileURLToPath(new URL('../../fixtures/last-release.tar.gz', import.meta.url));
const [greeter, thrower] = [refOf('greeter'), refOf('thrower')];

function unpacked(t: ExecutionContext): string {
  const dir = temporaryDirectory(t);
  execFileSync('tar', ['-xzf', fixture, '-C', dir]);
  mkdirSync(join(dir, 'tmp'));
  return dir;
}

/** What a start does with the directory. */
async function started(t: ExecutionContext, dir: string) {
  const functionsDir = join(dir, 'functions');
  const functions = new SqliteFunctionStore({ dir, readRestored: () => readRestored(functionsDir) });
  const calls = new SqliteCallStore({ dir });
  const logger = createLogger('silent');
  const registry = new FunctionRegistry({
    store: functions,
    calls,
    functionsDir,
    tmpDir: join(dir, 'tmp'),
    onActive: () => undefined,
    onRetired: () => Promise.resolve(),
    clock: systemClock,
    logger,
  });
  await registry.open();
  const recorder = new Recorder({
    store: calls,
    counters: (id) => registry.counters(id),
    keepPerFunction: 100,
    logger,
  });
  const logs = createLogs({
    store: calls,
    recorder,
    idOf: (ref) => registry.record(ref).id,
    namespaceOf: (id) => registry.byId(id)?.ref.namespace,
  });
  const stop = async (): Promise<void> => {
    await recorder.close();
    await calls.close();
    await functions.close();
  };
  t.teardown(stop);
  return { functions, registry, logs, stop };
}

async function assertWhole(
  t: ExecutionContext,
  { functions, registry, logs }: Awaited<ReturnType<typeof started>>,
) {
  t.deepEqual(
    registry
      .list('default')
      .map(({ name, version, invokeCount, errorCount }) => [name, version, invokeCount, errorCount]),
    [
      ['greeter', 3, 3, 0],
      ['thrower', 1, 1, 1],
    ],
  );
  const metadata = registry.get(greeter);
  t.like(metadata, {
    createdAt: '2026-11-26T18:07:32.518Z',
    updatedAt: '2026-11-26T18:07:33.196Z',
    lastInvokedAt: '2026-11-26T18:07:32.960Z',
    sizeBytes: 213,
  });
  t.like(metadata.settings, { memoryMb: 256, timeoutMs: 5000, rateLimit: 50 });
  t.like(registry.get(thrower).settings, { env: { SECRET: 'fixture' }, maxConcurrency: 2 });
  const versions = await functions.listVersions(registry.record(greeter).id);
  t.deepEqual(
    versions.map(({ version, source }) => [version, source]),
    [3, 2, 1].map((version) => [version, { type: 'bundle', runtime: 'node' }]),
  );
  const records = await logs.list(greeter, { limit: 10 });
  t.deepEqual(
    records.map(({ version, stdout, stderr, start }) => [version, stdout, stderr, start]),
    [
      [2, 'greeting\n', 'to stderr\n', 'standby'],
      [2, 'greeting\n', 'to stderr\n', 'loaded'],
      [1, '', '', 'loaded'],
    ],
  );
  const [failed] = await logs.list(thrower, { limit: 10 });
  t.like(failed, { funcName: 'thrower', status: 500, outcome: 'function_error', durationMs: 2.307 });
  t.deepEqual(failed!.error, {
    code: 'FUNCTION_ERROR',
    message: 'as always',
    stack: 'Error: as always\n    at exports.handler (index.js:2:9)',
  });
  t.deepEqual(await logs.get(failed!.id, 'default'), failed);
  for (const ref of [greeter, thrower]) await t.notThrowsAsync(registry.verifyCode(registry.record(ref)));
}

test('a directory of the last release opens with functions, versions, counters and records whole, and again', async (t) => {
  const dir = unpacked(t);
  const first = await started(t, dir);
  await assertWhole(t, first);
  t.is(first.functions.recovered, null);
  await first.stop();
  const again = await started(t, dir);
  t.is(again.functions.recovered, null);
  await assertWhole(t, again);
});

test('the sidecars of the last release get ids and a namespace at the first start', async (t) => {
  const dir = unpacked(t);
  const functionsDir = join(dir, 'functions');
  const before = readSidecar(functionsDir, greeter, 2)!;
  t.true(before.isEarlier);
  const { registry } = await started(t, dir);
  const { id } = registry.record(greeter);
  t.is(id, functionIdOfEarlierRelease('greeter', Date.parse('2026-11-26T18:07:32.518Z')));
  for (const version of [1, 2, 3]) {
    const text = JSON.parse(readFileSync(join(functionsDir, `greeter/${version}.json`), 'utf8')) as object;
    t.like(text, { functionId: id, namespace: 'default', name: 'greeter', version: { version } });
  }
  t.deepEqual(
    readSidecar(functionsDir, greeter, 2),
    { ...before, isEarlier: false },
    'the rest is as it was',
  );
});

for (const when of ['before', 'after'] as const) {
  test(`a glambdar.db lost ${when} the first start is rebuilt with the ids that records and counters have`, async (t) => {
    const dir = unpacked(t);
    if (when === 'after') await (await started(t, dir)).stop();
    rmSync(join(dir, 'glambdar.db'));
    const rebuilt = await started(t, dir);
    t.regex(rebuilt.functions.recovered ?? '', /2 functions were restored/);
    await assertWhole(t, rebuilt);
  });
}

test('versions of the last release can be gone back to, and its functions can get secrets', async (t) => {
  const { registry, functions } = await started(t, unpacked(t));
  t.deepEqual(
    (await registry.versions(greeter)).map(({ version, active }) => [version, active]),
    [
      [3, true],
      [2, false],
      [1, false],
    ],
  );
  const before = registry.record(greeter);
  const candidate = await registry.earlier(greeter, 1);
  await registry.verifyCode(candidate);
  await registry.goBack(candidate);
  t.is(registry.record(greeter).active.version, 1);
  t.is(registry.record(greeter).settings.timeoutMs, before.settings.timeoutMs);
  t.deepEqual(await functions.secrets.list(), []);
  t.like(await functions.secrets.put(before.id, 'A', Uint8Array.of(1), 5), { name: 'A', createdAt: 5 });
});
