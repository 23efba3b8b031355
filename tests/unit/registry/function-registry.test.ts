import fs from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { GlambdarError } from '../../../src/errors.js';
import { createLogger } from '../../../src/logger.js';
import { versionKey } from '../../../src/registry/catalogue.js';
import { FunctionRegistry, type FunctionRegistryOptions } from '../../../src/registry/function-registry.js';
import { readSidecars } from '../../../src/data/sidecar.js';
import { StoreError } from '../../../src/store/store.js';
import { buildZip } from '../../helpers/hostile-zip.js';
import { MemoryStore } from '../../helpers/memory-store.js';
import { until } from '../../helpers/pool-fixture.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

class Fixture {
  readonly store = new MemoryStore();
  readonly functionsDir: string;
  readonly tmpDir: string;
  readonly retired: string[] = [];
  /** Versions whose instance of the load check was let go. */
  readonly discarded: number[] = [];
  /** What was said to be active, in order. */
  readonly active: { version: number; used: boolean }[] = [];
  readonly checked: { version: number; files: string[] }[] = [];
  /** What the next load checks throw. */
  loadFailures: Error[] = [];
  space: GlambdarError | null = null;
  registry: FunctionRegistry;
  readonly #dir: string;

  constructor(t: ExecutionContext) {
    this.#dir = temporaryDirectory(t);
    this.functionsDir = join(this.#dir, 'functions');
    this.tmpDir = join(this.#dir, 'tmp');
    fs.mkdirSync(this.functionsDir);
    fs.mkdirSync(this.tmpDir);
    this.registry = this.create();
  }

  create(options: Partial<FunctionRegistryOptions> = {}): FunctionRegistry {
    return new FunctionRegistry({
      store: this.store,
      functionsDir: this.functionsDir,
      tmpDir: this.tmpDir,
      limits: { maxZipBytes: 1e6, maxUnpackedBytes: 1e6, maxEntries: 100 },
      assertSpace: () => {
        if (this.space) throw this.space;
      },
      loadCheck: async (candidate, treeDir) => {
        this.checked.push({ version: candidate.active.version, files: fs.readdirSync(treeDir).sort() });
        const failure = this.loadFailures.shift();
        if (failure) throw failure;
        return () => this.discarded.push(candidate.active.version);
      },
      onActive: ({ active }, lastUsedAt) =>
        this.active.push({ version: active.version, used: lastUsedAt !== null }),
      onRetired: async (record) => {
        this.retired.push(versionKey(record.active).replace(/#.*/, ''));
      },
      logger: createLogger('silent'),
      ...options,
    });
  }

  /** Deploys an index.js (and a glambdar.json) under the name `f`. */
  async deploy(content = 'one', fields: Record<string, string> = {}, config?: unknown, name = 'f') {
    const zipPath = join(this.#dir, `upload-${Math.random()}.zip`);
    const entries = [{ name: 'index.js', content }];
    if (config !== undefined) entries.push({ name: 'glambdar.json', content: JSON.stringify(config) });
    fs.writeFileSync(zipPath, buildZip(entries));
    return this.registry.deploy({ zipPath, name, fields });
  }

  /** Another version without another archive. */
  async again(memoryMb: number): Promise<void> {
    await this.registry.configure('f', { memoryMb });
  }

  /** Versions of `f` that have a directory. */
  versions(): number[] {
    try {
      return fs
        .readdirSync(join(this.functionsDir, 'f'))
        .filter((entry) => /^\d+$/.test(entry))
        .map(Number)
        .sort((a, b) => a - b);
    } catch {
      return [];
    }
  }
}

test('a deployed function is listed, stored, on disk, and rebuilt from its sidecar', async (t) => {
  const fixture = new Fixture(t);
  const result = await fixture.deploy('one', { memoryMb: '256' }, { timeoutMs: 500, memoryMb: 512 });
  t.like(result, { function: 'f', version: 1 });
  t.regex(result.digest, /^sha256:[0-9a-f]{64}$/);
  const metadata = fixture.registry.get('f');
  t.like(metadata, {
    name: 'f',
    version: 1,
    digest: result.digest,
    invokeCount: 0,
    errorCount: 0,
    lastInvokedAt: null,
  });
  t.like(metadata.settings, { memoryMb: 256, timeoutMs: 500 }, 'form fields win over the file');
  t.regex(metadata.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  t.deepEqual(fixture.registry.list(), [metadata]);
  t.deepEqual(fixture.store.getFunction('f')?.active.digest, result.digest);
  t.deepEqual(fixture.checked, [{ version: 1, files: ['glambdar.json', 'index.js'] }]);
  t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
  t.deepEqual(readSidecars(fixture.functionsDir).found, [fixture.store.getFunction('f')!]);
});

test('a redeploy makes the next version, keeps settings and retires the one before', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one', { timeoutMs: '500' });
  const { createdAt } = fixture.registry.get('f');
  t.like(await fixture.deploy('two', { memoryMb: '64' }), { version: 2 });
  t.like(fixture.registry.get('f'), { version: 2, createdAt, settings: { timeoutMs: 500, memoryMb: 64 } });
  t.deepEqual(fixture.retired, ['f@1']);
  t.deepEqual(fixture.versions(), [1, 2]);
});

const refusals: [
  what: string,
  deploy: (fixture: Fixture) => Promise<unknown>,
  code: string,
  message: RegExp,
][] = [
  ['a wrong field', (f) => f.deploy('x', { memoryMb: '1' }), 'INVALID_REQUEST', /^form field: memoryMb/],
  [
    'a wrong glambdar.json',
    (f) => f.deploy('x', {}, { nope: 1 }),
    'INVALID_REQUEST',
    /^glambdar\.json: unknown setting "nope"/,
  ],
  [
    'an archive that is none',
    (f) => {
      const zipPath = join(f.tmpDir, '../x.zip');
      fs.writeFileSync(zipPath, 'no zip');
      return f.registry.deploy({ zipPath, name: 'f', fields: {} });
    },
    'INVALID_BUNDLE',
    /./,
  ],
  [
    'code that does not load',
    (f) => {
      f.loadFailures.push(new GlambdarError('LOAD_FAILED', 'The function does not load: x'));
      return f.deploy('x');
    },
    'LOAD_FAILED',
    /does not load/,
  ],
  [
    'a full disk',
    (f) => {
      f.space = new GlambdarError('DISK_FULL', 'full');
      return f.deploy('x');
    },
    'DISK_FULL',
    /full/,
  ],
  [
    'a full store',
    (f) => {
      // Whatever fails after this point fails in publish.
      f.loadFailures.push(null as never);
      const publish = f.store.publish.bind(f.store);
      f.store.publish = () => {
        f.store.publish = publish;
        throw new StoreError('database or disk is full', { full: true });
      };
      return f.deploy('x');
    },
    'DISK_FULL',
    /The server's disk is full/,
  ],
];

for (const [what, deploy, code, message] of refusals) {
  test(`a first deploy that fails for ${what} leaves nothing`, async (t) => {
    const fixture = new Fixture(t);
    await t.throwsAsync(deploy(fixture), { code, message } as never);
    t.deepEqual(fixture.registry.list(), []);
    t.deepEqual(fs.readdirSync(fixture.functionsDir), []);
    t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
    t.deepEqual(fixture.store.listFunctions(), []);
  });
}

test('a redeploy that fails leaves the old version serving', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  for (const [, deploy] of refusals.slice(3)) {
    await t.throwsAsync(deploy(fixture));
    fixture.space = null;
    t.is(fixture.registry.get('f').version, 1);
    t.deepEqual(fixture.versions(), [1]);
    t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
  }
  t.deepEqual(fixture.retired, []);
  t.like(await fixture.deploy('two'), { version: 2 });
});

test('a name that is a file in the functions folder is refused', async (t) => {
  const fixture = new Fixture(t);
  fs.writeFileSync(join(fixture.functionsDir, 'README.md'), 'read me');
  await t.throwsAsync(fixture.deploy('one', {}, undefined, 'README.md'), { code: 'INVALID_NAME' } as never);
  t.is(fs.readFileSync(join(fixture.functionsDir, 'README.md'), 'utf8'), 'read me');
  t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
});

test('a deploy that is committed succeeds even when old versions cannot be forgotten', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  for (const memoryMb of [65, 66, 67, 68]) await fixture.again(memoryMb);
  fixture.store.removeVersions = () => {
    throw new StoreError('database or disk is full', { full: true });
  };
  await t.notThrowsAsync(fixture.again(69));
  t.is(fixture.registry.get('f').version, 6);
  fixture.registry = fixture.create();
  await t.notThrowsAsync(fixture.registry.open(), 'a server starts on a full disk, too');
  t.is(fixture.registry.get('f').version, 6);
});

test('changing what shapes a container makes a version of the same code', async (t) => {
  const fixture = new Fixture(t);
  const { digest } = await fixture.deploy('one');
  t.deepEqual(await fixture.registry.configure('f', { memoryMb: 256, timeoutMs: 30_000 }), { memoryMb: 256 });
  t.like(fixture.registry.get('f'), { version: 2, digest, settings: { memoryMb: 256 } });
  t.deepEqual(fixture.retired, ['f@1']);
  t.is(fs.readFileSync(join(fixture.functionsDir, 'f/2/index.js'), 'utf8'), 'one');
  fixture.loadFailures = [new GlambdarError('LOAD_FAILED', 'no')];
  await t.throwsAsync(fixture.registry.configure('f', { memoryMb: 64 }), { code: 'LOAD_FAILED' } as never);
  t.like(fixture.registry.get('f'), { version: 2, settings: { memoryMb: 256 } });
  t.deepEqual(fixture.versions(), [1, 2]);
  t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
});

test('changing other settings keeps the version and is in store and sidecar', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  t.deepEqual(await fixture.registry.configure('f', { timeoutMs: 777, rateLimit: 0 }), { timeoutMs: 777 });
  t.like(fixture.registry.get('f'), { version: 1, settings: { timeoutMs: 777 } });
  t.is(fixture.store.getFunction('f')?.settings.timeoutMs, 777);
  t.is(readSidecars(fixture.functionsDir).found[0]?.settings.timeoutMs, 777);
  t.deepEqual(await fixture.registry.configure('f', {}), {});
  t.deepEqual(await fixture.registry.configure('f', { timeoutMs: 777 }), {}, 'no change');
  t.is(fixture.checked.length, 1);
  await t.throwsAsync(fixture.registry.configure('f', { timeoutMs: 1 }), {
    code: 'INVALID_REQUEST',
  } as never);
  await t.throwsAsync(fixture.registry.configure('nope', {}), { code: 'FUNCTION_NOT_FOUND' } as never);
});

test('five versions are kept, and older ones go when nobody uses them', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  const lease = fixture.registry.lease('f');
  for (const memoryMb of [65, 66, 67, 68, 69, 70]) await fixture.again(memoryMb);
  await until(() => !fixture.versions().includes(2));
  t.deepEqual(fixture.versions(), [1, 3, 4, 5, 6, 7], 'the first is still leased');
  t.deepEqual(
    fixture.store.listVersions('f').map(({ version }) => version),
    [7, 6, 5, 4, 3],
  );
  const target = join(fixture.tmpDir, 'copy');
  await fixture.registry.copyCode(lease.record.active, target);
  t.is(fs.readFileSync(join(target, 'index.js'), 'utf8'), 'one');
  lease.release();
  await until(() => !fixture.versions().includes(1));
  t.deepEqual(fixture.versions(), [3, 4, 5, 6, 7]);
});

test('a removed function is gone at once and its files when nobody uses them', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  await fixture.deploy('other', {}, undefined, 'g');
  const lease = fixture.registry.lease('f');
  await fixture.registry.remove('f');
  t.throws(() => fixture.registry.get('f'), { code: 'FUNCTION_NOT_FOUND' } as never);
  t.throws(() => fixture.registry.lease('f'), { code: 'FUNCTION_NOT_FOUND' } as never);
  t.is(fixture.registry.counters('f'), undefined);
  t.is(fixture.store.getFunction('f'), undefined);
  t.deepEqual(fixture.retired, ['f@1']);
  t.deepEqual(fixture.versions(), [1], 'the call under way finishes first');
  await t.throwsAsync(fixture.registry.remove('f'), { code: 'FUNCTION_NOT_FOUND' } as never);
  t.like(await fixture.deploy('new'), { version: 2 }, 'no number in use comes again');
  lease.release();
  await until(() => !fixture.versions().includes(1));
  await fixture.registry.remove('f');
  t.deepEqual(fs.readdirSync(fixture.functionsDir), ['g']);
  t.like(await fixture.deploy('new'), { version: 1 });
});

test('of two removals at once one succeeds', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  const results = await Promise.allSettled([fixture.registry.remove('f'), fixture.registry.remove('f')]);
  t.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('deploys of one name at once make one version each', async (t) => {
  const fixture = new Fixture(t);
  const results = await Promise.all(['a', 'b', 'c'].map((content) => fixture.deploy(content)));
  t.deepEqual(results.map(({ version }) => version).sort(), [1, 2, 3]);
  t.is(fixture.registry.get('f').version, 3);
});

test('a removal that the store refuses leaves the function whole', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  fixture.store.removeFunction = () => {
    throw new StoreError('database or disk is full', { full: true });
  };
  await t.throwsAsync(fixture.registry.remove('f'), { code: 'DISK_FULL' } as never);
  t.is(fixture.registry.get('f').version, 1);
  t.deepEqual(fixture.versions(), [1]);
});

test('a start reads the store and removes what a crash left on disk', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  fixture.store.appendInvocations(
    [],
    new Map([['f', { invokeCount: 7, errorCount: 2, lastInvokedAt: 1_000 }]]),
    1,
  );
  for (const path of ['f/2', 'half/1']) fs.mkdirSync(join(fixture.functionsDir, path), { recursive: true });
  fs.writeFileSync(join(fixture.functionsDir, 'f/2.json'), '{}');
  fixture.registry = fixture.create();
  await fixture.registry.open();
  t.like(fixture.registry.get('f'), {
    version: 1,
    invokeCount: 7,
    errorCount: 2,
    lastInvokedAt: '1970-01-01T00:00:01.000Z',
  });
  t.deepEqual(fs.readdirSync(fixture.functionsDir), ['f']);
  t.deepEqual(fs.readdirSync(join(fixture.functionsDir, 'f')).sort(), ['1', '1.json']);
  t.like(await fixture.deploy('two'), { version: 2 });
});

test('a function whose code is missing is listed, refused in calls and whole after a deploy', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  fs.rmSync(join(fixture.functionsDir, 'f/1'), { recursive: true });
  fixture.registry = fixture.create();
  await fixture.registry.open();
  const { record } = fixture.registry.lease('f');
  const error = await t.throwsAsync(fixture.registry.copyCode(record.active, join(fixture.tmpDir, 'x')));
  t.like(error, { code: 'CODE_UNAVAILABLE', status: 503 });
  t.notRegex(error?.message ?? '', /\//);
  const { version } = await fixture.deploy('two');
  t.true(version > 1);
  await t.notThrowsAsync(
    fixture.registry.copyCode(fixture.registry.lease('f').record.active, join(fixture.tmpDir, 'x')),
  );
});

test('altered code is never served, before and after a restart', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  fixture.registry = fixture.create();
  await fixture.registry.open();
  fs.writeFileSync(join(fixture.functionsDir, 'f/1/index.js'), 'two');
  const { record } = fixture.registry.lease('f');
  const copy = () => fixture.registry.copyCode(record.active, join(fixture.tmpDir, 'x'));
  await t.throwsAsync(copy(), { code: 'CODE_UNAVAILABLE' } as never);
  fs.writeFileSync(join(fixture.functionsDir, 'f/1/index.js'), 'one');
  await t.throwsAsync(copy(), { code: 'CODE_UNAVAILABLE' } as never, 'for good');
  await t.throwsAsync(fixture.registry.configure('f', { memoryMb: 64 }), {
    code: 'CODE_UNAVAILABLE',
  } as never);
  t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
});
