import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { DependencyTrees, type MakePackages } from '../../../../src/deploy/dependencies/dependency-trees.js';
import { createLogger } from '../../../../src/logger.js';
import { ManualClock } from '../../../helpers/manual-clock.js';
import { temporaryDirectory } from '../../../helpers/temporary-directory.js';

const KEY = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const MINUTES = 60_000;
const FILES = { 'a/index.js': 'a', '@s/b/lib/index.js': 'b' };

class Fixture {
  readonly dir: string;
  readonly treesDir: string;
  readonly tmpDir: string;
  readonly clock = new ManualClock();
  /** How often packages were made. */
  made = 0;
  trees: DependencyTrees;

  constructor(t: ExecutionContext) {
    this.dir = temporaryDirectory(t);
    this.treesDir = join(this.dir, 'dependencies');
    this.tmpDir = join(this.dir, 'tmp');
    fs.mkdirSync(this.treesDir);
    fs.mkdirSync(this.tmpDir);
    this.trees = this.#create();
  }

  /** Another server on the same directory, after a crash or a stop. */
  async restart(): Promise<void> {
    this.trees = this.#create();
    await this.trees.open();
  }

  #create(): DependencyTrees {
    const { treesDir: dir, tmpDir, clock } = this;
    return new DependencyTrees({ dir, tmpDir, clock, logger: createLogger('silent') });
  }

  readonly make: MakePackages = async (packagesDir) => {
    this.made += 1;
    const files = Object.entries(FILES).map(([path, content]) => {
      fs.mkdirSync(dirname(join(packagesDir, path)), { recursive: true });
      fs.writeFileSync(join(packagesDir, path), content, { mode: 0o644 });
      return { path, executable: false, sha256: createHash('sha256').update(content).digest('hex') };
    });
    return { manifest: { sizeBytes: 2, files }, isWhole: true };
  };

  /** Staged code, as a deploy has it. */
  stage(name: string, files: Record<string, string> = {}): string {
    const staged = join(this.dir, name);
    fs.mkdirSync(staged);
    fs.writeFileSync(join(staged, 'index.js'), '');
    for (const [path, content] of Object.entries(files)) {
      fs.mkdirSync(dirname(join(staged, path)), { recursive: true });
      fs.writeFileSync(join(staged, path), content);
    }
    return staged;
  }

  /** A deploy that uses a tree. @returns the paths of the files that were added */
  async deploy(name: string, key = KEY, files?: Record<string, string>): Promise<string[]> {
    const staged = this.stage(name, files);
    const added = await this.trees.use(key, this.make, (tree) => this.trees.place(tree, staged));
    return added.map(({ path }) => path).sort();
  }

  kept(): string[] {
    return fs.readdirSync(this.treesDir).sort();
  }

  inode(path: string): number {
    return fs.statSync(join(this.dir, path)).ino;
  }
}

test('the second deploy of a key makes nothing and shares the files of the first', async (t) => {
  const fixture = new Fixture(t);
  const paths = ['node_modules/@s/b/lib/index.js', 'node_modules/a/index.js'];
  t.deepEqual(await fixture.deploy('one'), paths);
  t.deepEqual(await fixture.deploy('two'), paths);
  t.is(fixture.made, 1);
  t.is(fixture.inode('one/node_modules/a/index.js'), fixture.inode('two/node_modules/a/index.js'));
  t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
});

test('deploys that need the same tree at the same time make it once; another key makes its own', async (t) => {
  const fixture = new Fixture(t);
  await Promise.all([fixture.deploy('one'), fixture.deploy('two'), fixture.deploy('three', OTHER)]);
  t.is(fixture.made, 2);
  t.deepEqual(fixture.kept(), [KEY, OTHER]);
});

test('a make that fails fails all that wait, leaves nothing, and is tried again by the next', async (t) => {
  const fixture = new Fixture(t);
  const fail: MakePackages = async (packagesDir) => {
    fs.mkdirSync(packagesDir);
    throw new Error('no');
  };
  const use = () => fixture.trees.use(KEY, fail, async () => undefined);
  const results = await Promise.allSettled([use(), use()]);
  t.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  t.deepEqual([fixture.kept(), fs.readdirSync(fixture.tmpDir)], [[], []]);
  await t.notThrowsAsync(fixture.deploy('one'));
});

test('packages that the code brought stay, and the others are added', async (t) => {
  const fixture = new Fixture(t);
  const added = await fixture.deploy('one', KEY, {
    'node_modules/a/index.js': 'own',
    'node_modules/@s/c/x': '',
  });
  t.deepEqual(added, ['node_modules/@s/b/lib/index.js']);
  t.is(fs.readFileSync(join(fixture.dir, 'one/node_modules/a/index.js'), 'utf8'), 'own');
  t.true(fs.existsSync(join(fixture.dir, 'one/node_modules/@s/b/lib/index.js')));
});

test('copies are made after a deploy, and the next deploy and its load check take them', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  const spares = () =>
    fs.readdirSync(join(fixture.treesDir, KEY)).filter((name) => name.startsWith('spare-')).length;
  t.is(spares(), 0);
  fixture.trees.release(join(fixture.dir, 'one'));
  fixture.clock.move(1000);
  await fixture.trees.close();
  t.is(spares(), 2);
  const staged = fixture.stage('two');
  await fixture.trees.use(KEY, fixture.make, (tree) => fixture.trees.place(tree, staged));
  t.is(spares(), 1);
  await fixture.trees.copy(staged, join(fixture.dir, 'copy'));
  t.is(spares(), 0);
  t.deepEqual(
    (fs.readdirSync(join(fixture.dir, 'copy'), { recursive: true }) as string[]).sort(),
    (fs.readdirSync(staged, { recursive: true }) as string[]).sort(),
  );
});

test('a tree is kept while code is linked to it, also over a restart, and goes when nothing is', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  fixture.clock.move(60 * MINUTES);
  await fixture.trees.collect();
  t.deepEqual(fixture.kept(), [KEY]);
  await fixture.restart();
  t.deepEqual(fixture.kept(), [KEY]);
  await fixture.deploy('two');
  t.is(fixture.made, 1);
  for (const name of ['one', 'two']) fs.rmSync(join(fixture.dir, name), { recursive: true });
  await fixture.trees.collect();
  t.deepEqual(fixture.kept(), [KEY], 'somebody may deploy again in a moment');
  fixture.clock.move(11 * MINUTES);
  await fixture.trees.collect();
  t.deepEqual(fixture.kept(), []);
});

test('a full disk takes also trees that were used a moment ago, but none in use', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  fs.rmSync(join(fixture.dir, 'one'), { recursive: true });
  await fixture.trees.use(KEY, fixture.make, async () => {
    await fixture.trees.collect(true);
    t.deepEqual(fixture.kept(), [KEY]);
  });
  await fixture.trees.collect(true);
  t.deepEqual(fixture.kept(), []);
});

test('of trees that no code uses only a few are kept, the latest', async (t) => {
  const fixture = new Fixture(t);
  const keys = Array.from({ length: 12 }, (_, index) => index.toString(16).repeat(64));
  for (const key of keys) {
    await fixture.deploy(key, key);
    fs.rmSync(join(fixture.dir, key), { recursive: true });
    fixture.clock.move(1000);
  }
  await fixture.trees.collect();
  t.deepEqual(fixture.kept(), keys.slice(4));
});

test('what a crash left is removed at the start', async (t) => {
  const fixture = new Fixture(t);
  await fixture.deploy('one');
  const tree = join(fixture.treesDir, KEY);
  fs.mkdirSync(join(tree, 'spare-0123456789abcdef/a'), { recursive: true });
  fs.mkdirSync(join(fixture.treesDir, 'half'));
  fs.mkdirSync(join(fixture.treesDir, OTHER));
  await fixture.restart();
  t.deepEqual(fixture.kept(), [KEY]);
  t.deepEqual(fs.readdirSync(tree).sort(), ['manifest.json', 'packages']);
});

test('packages that were altered on disk are made again, before and after a restart', async (t) => {
  const fixture = new Fixture(t);
  const altered = join(fixture.treesDir, KEY, 'packages/a/index.js');
  await fixture.deploy('one');
  fs.writeFileSync(altered, 'evil');
  await fixture.deploy('two');
  t.is(fixture.made, 2);
  t.is(fs.readFileSync(join(fixture.dir, 'two/node_modules/a/index.js'), 'utf8'), 'a');
  fs.rmSync(altered);
  await fixture.restart();
  await fixture.deploy('three');
  t.is(fixture.made, 3);
});

test('a tree that may lack something is used by those who wait for it, and by nobody else', async (t) => {
  const fixture = new Fixture(t);
  const make: MakePackages = async (dir) => ({ ...(await fixture.make(dir)), isWhole: false });
  const place = (name: string) => {
    const staged = fixture.stage(name);
    return fixture.trees.use(KEY, make, (tree) => fixture.trees.place(tree, staged));
  };
  await Promise.all([place('one'), place('two')]);
  t.is(fixture.made, 1);
  await place('three');
  t.is(fixture.made, 2);
  t.false(fixture.kept().includes(KEY));
});
