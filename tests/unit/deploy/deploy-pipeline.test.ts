import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readRestored } from '../../../src/data/sidecar.js';
import { GlambdarError } from '../../../src/errors.js';
import type { FunctionRecord } from '../../../src/model/function/function.js';
import { handlerInBundle } from '../../../src/model/function/source.js';
import { createFunctionId } from '../../../src/model/function/id.js';
import { StoreError } from '../../../src/model/store-error.js';
import { buildZip } from '../../helpers/hostile-zip.js';
import { f, never, RegistryFixture } from '../../helpers/registry-fixture.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';
import { buildTar } from '../../helpers/tar-blocks.js';
import { refOf } from '../store/builders.js';

/** What a server that lost its database would find on disk. */
function restored({ functionsDir }: RegistryFixture): FunctionRecord[] {
  return readRestored(functionsDir).functions.map(({ record }) => record);
}

test('a deployed function is listed, stored, on disk, and rebuilt from its sidecar', async (t) => {
  const fixture = new RegistryFixture(t);
  const result = await fixture.deploy('one', { memoryMb: '256' }, { timeoutMs: 500, memoryMb: 512 });
  t.like(result, { function: 'f', version: 1 });
  t.regex(result.digest, /^sha256:[0-9a-f]{64}$/);
  const metadata = fixture.registry.get(f);
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
  t.deepEqual(fixture.registry.list('default'), [metadata]);
  t.deepEqual((await fixture.stored())?.active.digest, result.digest);
  t.deepEqual(fixture.checked, [{ version: 1, files: ['glambdar.json', 'index.js'] }]);
  t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
  t.deepEqual(restored(fixture), [(await fixture.stored())!]);
});

test('a record beside the code whose settings have impossible values is not restored from', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one', {}, { memoryMb: 512 });
  const file = join(fixture.functionsDir, 'f/1.json');
  const sound = fs.readFileSync(file, 'utf8');
  const withSettings = (settings: object): FunctionRecord[] => {
    const sidecar = JSON.parse(sound) as { settings: object };
    fs.writeFileSync(file, JSON.stringify({ ...sidecar, settings: { ...sidecar.settings, ...settings } }));
    return restored(fixture);
  };
  for (const settings of [
    { memoryMb: 'evil' },
    { env: null },
    { env: 'A=1' },
    { cpus: true },
    { handler: {} },
    { public: null },
    { cors: {} },
    { cors: { origins: 'https://a.example' } },
  ])
    t.deepEqual(withSettings(settings), [], JSON.stringify(settings));
  t.deepEqual(readRestored(fixture.functionsDir).lost, [f]);
  for (const settings of [{ cpus: 64 }, { standby: null }, { handler: 'a.b' }, { ofALaterRelease: 1 }])
    t.is(withSettings(settings).length, 1, JSON.stringify(settings));
});

test('a redeploy makes the next version, keeps settings and retires the one before', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one', { timeoutMs: '500' });
  const { createdAt } = fixture.registry.get(f);
  t.like(await fixture.deploy('two', { memoryMb: '64' }), { version: 2 });
  t.like(fixture.registry.get(f), { version: 2, createdAt, settings: { timeoutMs: 500, memoryMb: 64 } });
  t.deepEqual(fixture.retired, ['f@1']);
  t.deepEqual(fixture.versions(), [1, 2]);
});

test('a public function stays public through redeploys and configures that do not say otherwise', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one', { public: 'true' });
  await fixture.deploy('two', { memoryMb: '64' });
  await fixture.pipeline.configure(f, { timeoutMs: 500 });
  t.true(fixture.registry.get(f).settings.public);
  t.true((await fixture.stored())?.settings.public);
  t.true(restored(fixture)[0]?.settings.public);
  t.deepEqual(await fixture.pipeline.configure(f, { public: false }), { public: false });
  t.like(fixture.registry.get(f), { version: 2, settings: { public: false } });
});

test('a function that is deleted and deployed again is not public', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one', { public: 'true' });
  await fixture.registry.remove(f);
  await fixture.deploy('one');
  t.false(fixture.registry.get(f).settings.public);
});

const refusals: [
  what: string,
  deploy: (fixture: RegistryFixture) => Promise<unknown>,
  code: string,
  message: RegExp,
][] = [
  [
    'a wrong field',
    (fixture) => fixture.deploy('x', { memoryMb: '1' }),
    'INVALID_REQUEST',
    /^form field: memoryMb/,
  ],
  [
    'a wrong glambdar.json',
    (fixture) => fixture.deploy('x', {}, { nope: 1 }),
    'INVALID_REQUEST',
    /^glambdar\.json: unknown setting "nope"/,
  ],
  [
    'an archive that is none',
    (fixture) => {
      const path = join(fixture.tmpDir, '../x.zip');
      fs.writeFileSync(path, 'no zip');
      return fixture.pipeline.deploy({ source: { format: 'zip', path }, ref: f, fields: {}, signal: never });
    },
    'INVALID_BUNDLE',
    /./,
  ],
  [
    'code that does not load',
    (fixture) => {
      fixture.loadFailures.push(new GlambdarError('LOAD_FAILED', 'The function does not load: x'));
      return fixture.deploy('x');
    },
    'LOAD_FAILED',
    /does not load/,
  ],
  [
    'a full disk',
    (fixture) => {
      fixture.space = new GlambdarError('DISK_FULL', 'full');
      return fixture.deploy('x');
    },
    'DISK_FULL',
    /full/,
  ],
  [
    'a full store',
    (fixture) => {
      // Whatever fails after this point fails in publish.
      fixture.loadFailures.push(null as never);
      const publish = fixture.store.publish.bind(fixture.store);
      fixture.store.publish = async () => {
        fixture.store.publish = publish;
        throw new StoreError('database or disk is full', { full: true });
      };
      return fixture.deploy('x');
    },
    'DISK_FULL',
    /The server's disk is full/,
  ],
];

for (const [what, deploy, code, message] of refusals) {
  test(`a first deploy that fails for ${what} leaves nothing`, async (t) => {
    const fixture = new RegistryFixture(t);
    await t.throwsAsync(deploy(fixture), { code, message } as never);
    t.deepEqual(fixture.registry.list('default'), []);
    t.deepEqual(fs.readdirSync(fixture.functionsDir), []);
    t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
    t.deepEqual(await fixture.store.list(), []);
  });
}

test('a redeploy that fails leaves the old version serving', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  for (const [, deploy] of refusals.slice(3)) {
    await t.throwsAsync(deploy(fixture));
    fixture.space = null;
    t.is(fixture.registry.get(f).version, 1);
    t.deepEqual(fixture.versions(), [1]);
    t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
  }
  t.deepEqual(fixture.retired, []);
  t.like(await fixture.deploy('two'), { version: 2 });
});

test('a name that is a file in the functions folder is refused', async (t) => {
  const fixture = new RegistryFixture(t);
  fs.writeFileSync(join(fixture.functionsDir, 'README.md'), 'read me');
  await t.throwsAsync(fixture.deploy('one', {}, undefined, refOf('README.md')), {
    code: 'INVALID_NAME',
  } as never);
  t.is(fs.readFileSync(join(fixture.functionsDir, 'README.md'), 'utf8'), 'read me');
  t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
});

test('a deploy that is committed succeeds even when old versions cannot be forgotten', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  for (const memoryMb of [65, 66, 67, 68]) await fixture.again(memoryMb);
  fixture.store.removeVersions = async () => {
    throw new StoreError('database or disk is full', { full: true });
  };
  await t.notThrowsAsync(fixture.again(69));
  t.is(fixture.registry.get(f).version, 6);
  await t.notThrowsAsync(fixture.restart(), 'a server starts on a full disk, too');
  t.is(fixture.registry.get(f).version, 6);
});

test('changing what shapes a container makes a version of the same code', async (t) => {
  const fixture = new RegistryFixture(t);
  const { digest } = await fixture.deploy('one');
  t.deepEqual(await fixture.pipeline.configure(f, { memoryMb: 256, timeoutMs: 30_000 }), { memoryMb: 256 });
  t.like(fixture.registry.get(f), { version: 2, digest, settings: { memoryMb: 256 } });
  t.deepEqual(fixture.retired, ['f@1']);
  t.is(fs.readFileSync(join(fixture.functionsDir, 'f/2/index.js'), 'utf8'), 'one');
  fixture.loadFailures = [new GlambdarError('LOAD_FAILED', 'no')];
  await t.throwsAsync(fixture.pipeline.configure(f, { memoryMb: 64 }), { code: 'LOAD_FAILED' } as never);
  t.like(fixture.registry.get(f), { version: 2, settings: { memoryMb: 256 } });
  t.deepEqual(fixture.versions(), [1, 2]);
  t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
});

test('settings that are stored are those of the next calls, whether or not the sidecar can be written', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  const sidecar = join(fixture.functionsDir, 'f/1.json');
  fs.rmSync(sidecar);
  fs.mkdirSync(join(sidecar, 'in the way'), { recursive: true });
  t.deepEqual(await fixture.pipeline.configure(f, { timeoutMs: 777 }), { timeoutMs: 777 });
  t.is((await fixture.stored())?.settings.timeoutMs, 777);
  t.is(fixture.registry.record(f).settings.timeoutMs, 777);
  t.like(fixture.logged.at(-1), { level: 'warn', fields: { function: 'f' } });
  t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
});

test('changing other settings keeps the version and is in store and sidecar', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  t.deepEqual(await fixture.pipeline.configure(f, { timeoutMs: 777, rateLimit: 0 }), { timeoutMs: 777 });
  t.like(fixture.registry.get(f), { version: 1, settings: { timeoutMs: 777 } });
  t.is((await fixture.stored())?.settings.timeoutMs, 777);
  t.is(restored(fixture)[0]?.settings.timeoutMs, 777);
  t.deepEqual(await fixture.pipeline.configure(f, {}), {});
  t.deepEqual(await fixture.pipeline.configure(f, { timeoutMs: 777 }), {}, 'no change');
  t.is(fixture.checked.length, 1);
  await t.throwsAsync(fixture.pipeline.configure(f, { timeoutMs: 1 }), {
    code: 'INVALID_REQUEST',
  } as never);
  await t.throwsAsync(fixture.pipeline.configure(refOf('nope'), {}), { code: 'FUNCTION_NOT_FOUND' } as never);
});

test('the folder that was stripped is kept with the version, so that a handler may name its file with the folder', async (t) => {
  const fixture = new RegistryFixture(t);
  const path = join(fixture.tmpDir, '../app.zip');
  const deploy = (names: string[], fields: Record<string, string>) => {
    fs.writeFileSync(path, buildZip(names.map((name) => ({ name, content: name }))));
    return fixture.pipeline.deploy({ source: { format: 'archive', path }, ref: f, fields, signal: never });
  };
  const runs = (): string | null => {
    const { settings, active } = fixture.registry.record(f);
    return handlerInBundle(settings.handler, active.source);
  };
  await deploy(['app/index.js'], { handler: 'app/index.handler' });
  t.is(runs(), 'index.handler');
  await deploy(['app/index.js', 'README'], {});
  t.is(runs(), 'app/index.handler', 'the setting is the one that was sent');
  await deploy(['app/index.js'], {});
  t.is(runs(), 'index.handler');
  await fixture.pipeline.configure(f, { memoryMb: 256 });
  t.is(runs(), 'index.handler', 'also for a new version of the same code');
  t.deepEqual(restored(fixture)[0]?.active.source, { type: 'bundle', runtime: 'node', folder: 'app' });
});

test('a tar is deployed like a zip, without what the packaging of its API adds', async (t) => {
  const fixture = new RegistryFixture(t);
  const path = join(fixture.tmpDir, '../app.tar');
  fs.writeFileSync(path, buildTar({ name: 'index.js' }, { name: 'server.js' }));
  const request = { ref: f, fields: { contract: 'faas' }, signal: never };
  await fixture.pipeline.deploy({ ...request, source: { format: 'tar', path } });
  await fixture.pipeline.deploy({ ...request, source: { format: 'tar', path, packaging: 'faas' } });
  t.deepEqual(fixture.checked, [
    { version: 1, files: ['index.js', 'server.js'] },
    { version: 2, files: ['index.js'] },
  ]);
});

test('deploys of one name at once make one version each', async (t) => {
  const fixture = new RegistryFixture(t);
  const results = await Promise.all(['a', 'b', 'c'].map((content) => fixture.deploy(content)));
  t.deepEqual(results.map(({ version }) => version).sort(), [1, 2, 3]);
  t.is(fixture.registry.get(f).version, 3);
});

test('dependencies are installed before the load check, and what they change has another digest', async (t) => {
  const asked: { namespace: string; installScripts: boolean; sizeBytes: number }[] = [];
  const released: string[] = [];
  const fixture = new RegistryFixture(t, {
    dependencies: {
      add: async ({ treeDir, namespace, installScripts, sizeBytes }) => {
        asked.push({ namespace, installScripts, sizeBytes });
        fs.writeFileSync(join(treeDir, 'needed.js'), 'needed', { mode: 0o644 });
        const sha256 = createHash('sha256').update('needed').digest('hex');
        return { files: [{ path: 'needed.js', executable: false, sha256 }], sizeBytes: 6, notes: ['x'] };
      },
      release: (treeDir) => released.push(treeDir),
    },
  });
  t.like(await fixture.deploy('needs', { installScripts: 'true' }), { version: 1, notes: ['x'] });
  t.deepEqual(asked, [{ namespace: 'default', installScripts: true, sizeBytes: 5 }]);
  t.is(released.length, 1);
  t.is(fixture.registry.get(f).sizeBytes, 11);
  t.deepEqual(fixture.checked, [{ version: 1, files: ['index.js', 'needed.js'] }]);
  await t.notThrowsAsync(fixture.registry.verifyCode(fixture.registry.record(f)));
  await fixture.restart();
  await t.notThrowsAsync(
    fixture.registry.verifyCode(fixture.registry.record(f)),
    'the digest is of all files',
  );
});

test('a candidate that is not published lets its instance go, and the next one has its number', async (t) => {
  const fixture = new RegistryFixture(t);
  const publish = fixture.store.publish.bind(fixture.store);
  fixture.store.publish = async () => {
    throw new StoreError('disk I/O error', { full: false });
  };
  await t.throwsAsync(fixture.deploy('one'));
  t.deepEqual(fixture.discarded, [1]);
  t.deepEqual(await fixture.store.listDoomed(), []);
  fixture.store.publish = publish;
  t.like(await fixture.deploy('one'), { version: 1 });
});

const IMAGE = 'ghcr.io/owner/name:tag';

function withImage(t: ExecutionContext, digest = `sha256:${'ab'.repeat(32)}`) {
  const fixture = new RegistryFixture(t);
  fixture.images.set(IMAGE, { digest, sizeBytes: 7, ports: [80] });
  return { fixture, digest };
}

test('an image is pinned by its digest, listed, stored, and rebuilt from its sidecar', async (t) => {
  const { fixture, digest } = withImage(t);
  const settings = { env: { A: 'b' } };
  const record = await fixture.pipeline.deployImage({ ref: f, image: IMAGE, settings, owner: 'Ada' });
  t.like(record.active, { version: 1, digest, sizeBytes: 7 });
  t.deepEqual(record.active.source, { type: 'image', image: IMAGE, digest, ports: [80], owner: 'Ada' });
  t.like(record.settings, { contract: 'go-serverless', env: { A: 'b' } });
  t.deepEqual(fixture.checked, [], 'the image is not run');
  t.deepEqual(await fixture.stored(), record);
  t.deepEqual(fixture.versions(), [1]);
  t.deepEqual(restored(fixture), [record]);
  t.deepEqual(fixture.registry.byId(record.id), record);
  await fixture.restart();
  t.deepEqual(fixture.registry.find(f), record);
  await fixture.registry.remove(f);
  t.deepEqual(fixture.versions(), []);
});

test('the same image with the same settings makes no new version; another one, or other settings, do', async (t) => {
  const { fixture } = withImage(t);
  const deploy = (settings: unknown = {}) => fixture.pipeline.deployImage({ ref: f, image: IMAGE, settings });
  const first = await deploy();
  t.deepEqual(await deploy(), first);
  t.is((await deploy({ env: { A: 'b' } })).active.version, 2);
  fixture.images.set(IMAGE, { digest: `sha256:${'cd'.repeat(32)}`, sizeBytes: 8, ports: [] });
  const third = await deploy();
  t.like(third, { id: first.id, active: { version: 3, sizeBytes: 8 } });
  t.deepEqual(third.settings.env, { A: 'b' }, 'what is not named stays');
  t.is((await fixture.pipeline.configure(f, { memoryMb: 256 })).memoryMb, 256);
  t.like((await fixture.stored())?.active, {
    version: 4,
    digest: third.active.digest,
    source: third.active.source,
  });
});

test('a function may be registered without an image, under an id that was chosen for it', async (t) => {
  const { fixture } = withImage(t);
  const id = createFunctionId();
  const record = await fixture.pipeline.deployImage({ ref: f, image: null, settings: {}, id });
  t.is(record.id, id);
  t.like(record.active.source, { image: null, digest: null });
  t.regex(record.active.digest, /^sha256:/);
  t.deepEqual(restored(fixture), [record]);
});

test('of two functions that are registered under one name at once, each with its id, one is refused', async (t) => {
  const { fixture } = withImage(t);
  const ids = [createFunctionId(), createFunctionId()];
  const results = await Promise.allSettled(
    ids.map((id) => fixture.pipeline.deployImage({ ref: f, image: IMAGE, settings: { timeoutMs: 500 }, id })),
  );
  t.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  const refused = results.find((result) => result.status === 'rejected');
  t.like(refused!.reason, {
    code: 'INVALID_REQUEST',
    message: 'A function is called "f" already; choose another name.',
  });
  t.is((await fixture.stored())?.active.version, 1);
});

test('an image that cannot be had, a wrong name, or a contract of bundles leaves nothing', async (t) => {
  const { fixture } = withImage(t);
  const deploy = (image: string, settings: unknown = {}) =>
    fixture.pipeline.deployImage({ ref: f, image, settings });
  await t.throwsAsync(deploy('a/none'), { code: 'IMAGE_UNAVAILABLE' } as never);
  await t.throwsAsync(deploy('../x'), { code: 'INVALID_REQUEST' } as never);
  await t.throwsAsync(deploy(IMAGE, { contract: 'faas' }), { code: 'INVALID_REQUEST' } as never);
  await t.throwsAsync(deploy(IMAGE, { unknown: 1 }), { code: 'INVALID_REQUEST' } as never);
  await t.throwsAsync(fixture.deploy('one', { contract: 'cloudfunc' }), { code: 'INVALID_REQUEST' } as never);
  t.deepEqual(await fixture.store.list(), []);
  t.deepEqual(fs.readdirSync(fixture.functionsDir), []);
  t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
});

test('a function that becomes an image, or an archive again, gets the contract of its kind', async (t) => {
  const { fixture } = withImage(t);
  await fixture.deploy('one', { contract: 'faas', memoryMb: '256' });
  const image = await fixture.pipeline.deployImage({ ref: f, image: IMAGE, settings: {} });
  t.like(image, { active: { version: 2 }, settings: { contract: 'go-serverless', memoryMb: 256 } });
  await t.throwsAsync(fixture.pipeline.configure(f, { contract: 'faas' }), {
    code: 'INVALID_REQUEST',
  } as never);
  await fixture.deploy();
  t.like((await fixture.stored())?.settings, { contract: 'glambdar', memoryMb: 256 });
});

test('a network is given by those who may, by form, by glambdar.json and by configuring, and kept by everybody', async (t) => {
  const fixture = new RegistryFixture(t);
  const forbidden = { code: 'FORBIDDEN', message: /^network "bridge" needs the role admin/ } as never;
  await t.throwsAsync(fixture.deploy('x', { network: 'bridge' }), forbidden);
  await t.throwsAsync(fixture.deploy('x', {}, { network: 'bridge' }), forbidden);
  t.deepEqual(fixture.versions(), []);
  await fixture.deploy('one', { network: 'none' });
  await t.throwsAsync(fixture.pipeline.configure(f, { network: 'bridge' }), forbidden);
  await t.throwsAsync(fixture.pipeline.configure(f, { network: 'bridge' }, { mayBridge: false }), forbidden);
  await fixture.pipeline.configure(f, { network: 'bridge' }, { mayBridge: true });
  await fixture.deploy('two', { network: 'bridge' });
  await fixture.deploy('three', { timeoutMs: '500' });
  t.is(fixture.registry.get(f).settings.network, 'bridge');
  await fixture.pipeline.configure(f, { network: 'none' });
  await t.throwsAsync(fixture.deploy('four', { network: 'bridge' }), forbidden);
});

test('a new function has the network of the server unless it names one', async (t) => {
  const fixture = new RegistryFixture(t, { defaultNetwork: 'bridge' });
  await fixture.deploy('one');
  t.is(fixture.registry.get(f).settings.network, 'bridge');
  await fixture.deploy('two', { network: 'none' });
  await fixture.deploy('three');
  t.is(fixture.registry.get(f).settings.network, 'none', 'a known function keeps its own');
});

test('a glambdar.json may name its schema to editors', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('x', {}, { $schema: 'https://example.com/glambdar.schema.json', memoryMb: 512 });
  t.is(fixture.registry.get(f).settings.memoryMb, 512);
});

test('env of a deploy merges: form over glambdar.json over what the function has, and null removes one', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one', { env: '{"A":"1","B":"1"}' }, { env: { C: 'file', D: 'file' } });
  t.deepEqual((await fixture.stored())?.settings.env, { C: 'file', D: 'file', A: '1', B: '1' });
  await fixture.deploy('two', { env: '{"C":"form","A":null}' }, { env: { C: 'file', D: null } });
  t.deepEqual((await fixture.stored())?.settings.env, { C: 'form', B: '1' });
});

test('a deploy whose sender may no longer deploy when its code has been checked leaves nothing', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  const path = join(temporaryDirectory(t), 'two.zip');
  fs.writeFileSync(path, buildZip([{ name: 'index.js', content: 'two' }]));
  const assertAllowed = async (): Promise<void> => {
    t.is(fixture.checked.length, 2, 'asked at the end');
    throw new GlambdarError('UNAUTHENTICATED', 'User not found');
  };
  const source = { format: 'zip' as const, path };
  const deploying = fixture.pipeline.deploy({ source, ref: f, fields: {}, signal: never, assertAllowed });
  await t.throwsAsync(deploying, { message: 'User not found' });
  t.is(fixture.registry.get(f).version, 1);
  t.deepEqual(fixture.versions(), [1]);
  t.deepEqual(fixture.discarded, [2]);
  t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
  fixture.images.set('x', { digest: 'sha256:ab', sizeBytes: 1, ports: [] });
  const ref = { ...f, name: 'image' };
  const request = { ref, image: 'x', settings: {}, assertAllowed: () => Promise.reject(new Error('gone')) };
  await t.throwsAsync(fixture.pipeline.deployImage(request), { message: 'gone' });
  t.is(fixture.registry.find(ref), undefined);
});
