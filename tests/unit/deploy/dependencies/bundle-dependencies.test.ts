import fs from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { BundleDependencies } from '../../../../src/deploy/dependencies/bundle-dependencies.js';
import { DependencyTrees } from '../../../../src/deploy/dependencies/dependency-trees.js';
import type { InstallJob, PackageInstaller } from '../../../../src/deploy/dependencies/package-installer.js';
import { GlambdarError } from '../../../../src/errors.js';
import { createLogger } from '../../../../src/logger.js';
import { ManualClock } from '../../../helpers/manual-clock.js';
import { temporaryDirectory } from '../../../helpers/temporary-directory.js';

type Install = (job: InstallJob) => Promise<{ isWhole: boolean }>;

/** A tree as a container sends it. */
function writeTree(file: string, files: Record<string, string>, type?: string): void {
  const frames = Object.entries({ installed: '', ...files }).flatMap(([path, content]) => {
    const header = Buffer.from(JSON.stringify({ path, size: content.length, executable: false, type }));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(header.length);
    return [length, header, Buffer.from(content)];
  });
  fs.writeFileSync(file, Buffer.concat([...frames, Buffer.alloc(4)]));
}

const good: Install = async ({ treeFile, progress }) => {
  progress('working');
  writeTree(treeFile, { 'node_modules/a/index.js': 'installed' });
  return { isWhole: true };
};

class Fixture {
  readonly dir: string;
  readonly dependencies: BundleDependencies;
  readonly jobs: InstallJob[] = [];
  install: Install = good;

  constructor(t: ExecutionContext, limits = { maxUnpackedBytes: 1000, maxEntries: 10 }) {
    this.dir = temporaryDirectory(t);
    const [dir, tmpDir] = [join(this.dir, 'dependencies'), join(this.dir, 'tmp')];
    for (const path of [dir, tmpDir]) fs.mkdirSync(path);
    const installer: PackageInstaller = {
      registry: async () => ({
        url: new URL('https://r.example/'),
        inContainer: new URL('http://127.0.0.1:4873/'),
      }),
      environment: () => 'image',
      install: (job) => {
        this.jobs.push(job);
        return this.install(job);
      },
    };
    const trees = new DependencyTrees({
      dir,
      tmpDir,
      clock: new ManualClock(),
      logger: createLogger('silent'),
    });
    this.dependencies = new BundleDependencies({ installer, trees, tmpDir, limits });
  }

  /** @param own what the code takes of the limits */
  add(
    name: string,
    signal = new AbortController().signal,
    own = { sizeBytes: 10, entries: 1 },
    lines: string[] = [],
  ) {
    const treeDir = join(this.dir, name);
    fs.mkdirSync(treeDir);
    fs.writeFileSync(join(treeDir, 'package.json'), '{"dependencies":{"a":"1"}}');
    const progress = (line: string): void => void lines.push(line);
    return this.dependencies.add({
      treeDir,
      ...own,
      namespace: 'n',
      installScripts: false,
      signal,
      progress,
    });
  }

  /** Names in staging. */
  staged(): string[] {
    return fs.readdirSync(join(this.dir, 'tmp'));
  }
}

/** An install that ends when the test says so, or when it is aborted. */
function held(): { install: Install; begun: Promise<void>; finish: () => void } {
  let [begin, finish] = [(): void => undefined, (): void => undefined];
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const install: Install = async (job) => {
    begin();
    await Promise.race([
      finished,
      new Promise((_, reject) =>
        job.signal.addEventListener('abort', () => reject(job.signal.reason as Error)),
      ),
    ]);
    return good(job);
  };
  return { install, begun, finish: () => finish() };
}

test('installed packages become node_modules, with what is to be said about them', async (t) => {
  const fixture = new Fixture(t);
  const lines: string[] = [];
  const added = (await fixture.add('one', undefined, undefined, lines))!;
  t.is(fs.readFileSync(join(fixture.dir, 'one/node_modules/a/index.js'), 'utf8'), 'installed');
  t.is(fs.statSync(join(fixture.dir, 'one/node_modules/a/index.js')).mode & 0o777, 0o644);
  t.like(added, { sizeBytes: 9, files: [{ path: 'node_modules/a/index.js', executable: false }] });
  t.regex(added.notes.join(), /no package-lock\.json/);
  t.true(lines.includes('working'));
  t.deepEqual(fixture.staged(), []);
  await fixture.add('two');
  t.is(fixture.jobs.length, 1);
});

test('deploys that wait for one install all hear of it, and one that leaves does not end it', async (t) => {
  const fixture = new Fixture(t);
  const { install, begun, finish } = held();
  fixture.install = install;
  const leaver = new AbortController();
  const lines: string[] = [];
  const left = fixture.add('one', leaver.signal);
  await begun;
  const stays = fixture.add('two', undefined, undefined, lines);
  await new Promise(setImmediate);
  leaver.abort();
  await new Promise(setImmediate);
  t.false(fixture.jobs[0]!.signal.aborted);
  finish();
  await t.throwsAsync(left, { code: 'CANCELLED' } as never);
  t.truthy(await stays);
  t.true(lines.includes('working'));
  t.is(fixture.jobs.length, 1);
});

test('an install ends when the last deploy that waits for it leaves, and the next deploy begins another', async (t) => {
  const fixture = new Fixture(t);
  const { install, begun } = held();
  fixture.install = install;
  const leaver = new AbortController();
  const left = fixture.add('one', leaver.signal);
  await begun;
  fixture.install = good;
  leaver.abort();
  const next = fixture.add('two');
  await t.throwsAsync(left, { code: 'CANCELLED' } as never);
  t.truthy(await next);
  t.is(fixture.jobs.length, 2);
  t.deepEqual(fixture.staged(), []);
});

test('a deploy that is cancelled before its turn installs nothing', async (t) => {
  const fixture = new Fixture(t);
  const reason = new GlambdarError('STOPPING', 'x');
  await t.throwsAsync(fixture.add('one', AbortSignal.abort(reason)), { is: reason });
  t.deepEqual(fixture.jobs, []);
});

const unusable: [what: string, install: Install, code: string][] = [
  [
    'with a link',
    async ({ treeFile }) => (writeTree(treeFile, { 'node_modules/a/x': '' }, 'link'), { isWhole: true }),
    'INSTALL_FAILED',
  ],
  [
    'that leaves its place',
    async ({ treeFile }) => (writeTree(treeFile, { 'node_modules/../../x': '' }), { isWhole: true }),
    'INSTALL_FAILED',
  ],
  [
    'that is cut off',
    async ({ treeFile }) => (fs.writeFileSync(treeFile, 'x'), { isWhole: true }),
    'INSTALL_FAILED',
  ],
  [
    'without packages',
    async ({ treeFile }) => (writeTree(treeFile, { other: '' }), { isWhole: true }),
    'INSTALL_FAILED',
  ],
  [
    'that is too large',
    async ({ treeFile }) => (
      writeTree(treeFile, { 'node_modules/a/x': 'x'.repeat(1001) }),
      { isWhole: true }
    ),
    'BUNDLE_TOO_LARGE',
  ],
];
for (const [what, install, code] of unusable) {
  test(`a tree ${what} is refused, and nothing of it stays`, async (t) => {
    const fixture = new Fixture(t);
    fixture.install = install;
    await t.throwsAsync(fixture.add('one'), { code } as never);
    t.deepEqual([fixture.staged(), fs.readdirSync(join(fixture.dir, 'dependencies'))], [[], []]);
    t.deepEqual(fs.readdirSync(join(fixture.dir, 'one')), ['package.json']);
  });
}

test('the limits hold for code and packages together, also for a tree that is there already', async (t) => {
  const fixture = new Fixture(t);
  await fixture.add('one');
  await t.throwsAsync(fixture.add('two', undefined, { sizeBytes: 995, entries: 1 }), {
    code: 'BUNDLE_TOO_LARGE',
    message: /1000 bytes/,
  } as never);
  await t.throwsAsync(fixture.add('three', undefined, { sizeBytes: 1, entries: 10 }), {
    code: 'BUNDLE_TOO_LARGE',
    message: /10 files/,
  } as never);
  t.is(fixture.jobs.length, 1);
});

test('a disk that is full is told as such', async (t) => {
  const fixture = new Fixture(t);
  fixture.install = () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOSPC' }));
  await t.throwsAsync(fixture.add('one'), { code: 'DISK_FULL' } as never);
});
