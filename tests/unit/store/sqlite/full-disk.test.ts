import test from 'ava';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataDirectory } from '../../../../src/data/data-directory.js';
import { DiskReserve } from '../../../../src/data/disk-reserve.js';
import { GlambdarError } from '../../../../src/errors.js';
import { StartupError } from '../../../../src/model/startup-error.js';
import { StoreError } from '../../../../src/model/store-error.js';
import { SqliteCallStore } from '../../../../src/store/sqlite/calls/sqlite-call-store.js';
import { SqliteFunctionStore } from '../../../../src/store/sqlite/functions/sqlite-function-store.js';
import { lockFile } from '../../../../src/store/sqlite/lock-file.js';
import { call, idOf, publication } from '../builders.js';
import { fill, mount, noSmallDisks, smallDisk } from '../small-disk.js';

const reason = noSmallDisks();
const onDisk = reason === undefined ? test.serial : test.serial.skip;
const title = (text: string): string => (reason === undefined ? text : `${text} (${reason})`);

const MIB = 1024 * 1024;
const sizes = { ballastBytes: 4 * MIB, callBallastBytes: 3 * MIB, floorBytes: 1 * MIB, floorInodes: 8 };
const openDirectory = (dir: string) => openDataDirectory(dir, { lockFile, reserve: sizes });
const openFunctions = (dir: string, onFull?: () => boolean): SqliteFunctionStore =>
  new SqliteFunctionStore({
    dir,
    readRestored: () => ({ functions: [], lost: [] }),
    ...(onFull === undefined ? {} : { onFull }),
  });
const isFull = (error: unknown): boolean => error instanceof StoreError && error.full;

/** Publishes until the store refuses. Resolves to how many functions it took, and the refusal. */
async function publishUntilFull(store: SqliteFunctionStore): Promise<{ published: number; error: unknown }> {
  for (let published = 0; published < 2_000; published++) {
    try {
      await store.publish(publication(`more${published}`));
    } catch (error) {
      return { published, error };
    }
  }
  return { published: 2_000, error: undefined };
}

onDisk(
  title('on a full disk reads go on, writes say that it is full, and deletes work by giving up the reserve'),
  async (t) => {
    const dir = smallDisk(t, 32);
    const data = openDirectory(dir);
    const store = openFunctions(dir, () => data.reserve.release());
    const calls = new SqliteCallStore({ dir, onFull: () => data.reserve.release() });
    t.teardown(async () => {
      await store.close();
      await calls.close();
      data.close();
    });
    for (let n = 0; n < 50; n++) await store.publish(publication(`f${n}`));
    await calls.append([call('1', 'f1', { stdout: 'x'.repeat(10_000) })], new Map(), 10);
    t.true(data.reserve.held);

    const filler = fill(dir);
    const { published, error } = await publishUntilFull(store); // the log may have some room yet
    t.true(isFull(error), String(error));
    t.true(data.reserve.held, 'a publish leaves the reserve alone');
    await t.throwsAsync(
      async () => {
        for (let n = 0; n < 100; n++)
          await calls.append([call(`full-${n}`, 'f1', { stdout: 'x'.repeat(MIB) })], new Map(), 1_000);
      },
      { instanceOf: StoreError },
    );
    await t.throwsAsync(async () => {
      for (let n = 0; n < 2_000; n++) await calls.check();
    });
    t.is((await store.get(idOf('f7')))?.active.version, 1);
    t.is((await calls.get('1'))?.stdout.length, 10_000);

    for (let n = 0; n < 50; n++) {
      t.true(await store.remove(idOf(`f${n}`)), `f${n}`);
      await calls.forget(idOf(`f${n}`));
    }
    t.is(await store.get(idOf('f7')), undefined);
    t.is((await store.list()).length, published);

    rmSync(filler);
    t.true(data.reserve.restore());
    t.true(data.reserve.held);
    await t.notThrowsAsync(calls.check());
    await t.notThrowsAsync(store.publish(publication('again')));
  },
);

onDisk(
  title('calls on a full disk leave deletes their room, whatever fills the disk meanwhile'),
  async (t) => {
    const dir = smallDisk(t, 32);
    const data = openDirectory(dir);
    const store = openFunctions(dir, () => data.reserve.release());
    t.teardown(async () => {
      await store.close();
      data.close();
    });
    for (let n = 0; n < 500; n++) await store.publish(publication(`f${n}`));
    fill(dir);
    const slot = (n: number): void => {
      const path = join(data.runDir, `slot${n}`);
      try {
        mkdirSync(path);
        writeFileSync(join(path, 'tree'), Buffer.alloc(9_000));
      } catch (error) {
        rmSync(path, { recursive: true, force: true });
        throw error;
      }
    };
    for (let n = 0; n < 6; n++) await t.notThrowsAsync(data.reserve.withRoom(() => slot(n)));
    fill(data.tmpDir);
    await t.throwsAsync(
      async () => {
        for (let n = 6; n < 2_000; n++) await data.reserve.withRoom(() => slot(n));
      },
      { instanceOf: GlambdarError, message: /disk is full/ },
      'calls have used up their room',
    );
    for (let n = 0; n < 500; n++) t.true(await store.remove(idOf(`f${n}`)), `f${n}`);
  },
);

onDisk(title('a removal on a full disk throws when there is no reserve to give up'), async (t) => {
  const dir = smallDisk(t, 32);
  const store = openFunctions(dir, () => false);
  t.teardown(() => store.close());
  for (let n = 0; n < 2_000; n++) await store.publish(publication(`f${n}`));
  await store.close();
  const again = openFunctions(dir, () => false);
  t.teardown(() => again.close());
  fill(dir);
  const error = await t.throwsAsync(async () => {
    for (let n = 0; n < 2_000; n++) await again.remove(idOf(`f${n}`));
  });
  t.true(isFull(error), String(error));
});

onDisk(title('a server starts on a full disk, and can delete there'), async (t) => {
  const dir = smallDisk(t, 32);
  const first = openDirectory(dir);
  const before = openFunctions(dir);
  await before.publish(publication('f'));
  await before.close();
  first.close();
  fill(dir);

  const data = openDirectory(dir);
  t.is(data.id, first.id);
  const store = openFunctions(dir, () => data.reserve.release());
  t.true(await store.remove(idOf('f')));
  await store.close();
  data.close();
});

onDisk(title('a deploy is refused while bytes or inodes are short, and the refusal names no path'), (t) => {
  const dir = smallDisk(t, 32, '-N', '128');
  const reserve = new DiskReserve(dir, sizes);
  t.notThrows(() => reserve.assertSpace(1 * MIB, 10));
  const noBytes = t.throws(() => reserve.assertSpace(64 * MIB), { instanceOf: GlambdarError });
  t.like(noBytes, { code: 'DISK_FULL', status: 507 });
  t.regex(noBytes.message, /needs 64\.0 MiB and \d+\.\d MiB are free/);
  t.false(noBytes.message.includes(dir));
  const noInodes = t.throws(() => reserve.assertSpace(0, 1_000), { instanceOf: GlambdarError });
  t.like(noInodes, { code: 'DISK_FULL', status: 507 });

  for (let n = 0; n < 100; n++) writeFileSync(join(dir, `inode-${n}`), '');
  t.throws(() => reserve.assertSpace(0, 10), { instanceOf: GlambdarError });
  rmSync(join(dir, 'inode-0'));
  const filler = fill(dir);
  t.throws(() => reserve.assertSpace(0), { instanceOf: GlambdarError });
  rmSync(filler);
});

onDisk(
  title('the reserve takes real blocks, is given up once, and comes back only when there is room'),
  (t) => {
    const dir = smallDisk(t, 32);
    const reserve = new DiskReserve(dir, sizes);
    t.true(statSync(join(dir, 'reserve.bin')).blocks * 512 >= sizes.ballastBytes);
    const filler = fill(dir);
    t.true(reserve.release());
    t.false(reserve.release());
    t.false(reserve.held);
    t.notThrows(() => writeFileSync(join(dir, 'now-possible'), Buffer.alloc(2 * MIB)));
    t.false(reserve.restore());
    rmSync(filler);
    t.notThrows(() => reserve.assertSpace(1)); // makes it again by the way
    t.true(reserve.held);
  },
);

onDisk(
  title('work for a call that meets a full disk is done with the room for calls, as long as that lasts'),
  async (t) => {
    const dir = smallDisk(t, 32);
    const reserve = new DiskReserve(dir, sizes);
    fill(dir);
    const write = (name: string, bytes: number) => () => {
      try {
        writeFileSync(join(dir, name), Buffer.alloc(bytes));
        return name;
      } catch (error) {
        rmSync(join(dir, name), { force: true });
        throw error;
      }
    };
    t.is(await reserve.withRoom(write('a', 2 * MIB)), 'a');
    t.true(reserve.held, 'the room for deletes is not touched');
    const error = await t.throwsAsync(reserve.withRoom(write('b', 32 * MIB)), { instanceOf: GlambdarError });
    t.like(error, { code: 'DISK_FULL', status: 507 });
    t.is(await reserve.withRoom(write('c', 1 * MIB)), 'c', 'there is room left');
    await t.throwsAsync(
      reserve.withRoom(() => Promise.reject(new Error('another'))),
      { message: 'another' },
    );
  },
);

for (const part of ['tmp', 'run', 'functions']) {
  onDisk(title(`a directory whose ${part}/ is a mount of its own is refused`), (t) => {
    const dir = smallDisk(t, 16);
    const target = join(dir, part);
    mkdirSync(target);
    mount(t, target, '-t', 'tmpfs', 'none');
    const refused = t.throws(() => openDirectory(dir), { instanceOf: StartupError });
    t.regex(refused.message, /are not on one file system/);
    execFileSync('umount', [target]);
    mkdirSync(join(dir, 'elsewhere'));
    execFileSync('mount', ['--bind', join(dir, 'elsewhere'), target]); // the same device, and still no rename across it
    t.throws(() => openDirectory(dir), {
      instanceOf: StartupError,
      message: /are not on one file system/,
    });
  });
}

onDisk(title('a read-only file system is a sentence, not a stack'), (t) => {
  const dir = smallDisk(t, 16);
  openDirectory(dir).close();
  execFileSync('mount', ['-o', 'remount,ro', dir]);
  t.throws(() => openDirectory(dir), {
    instanceOf: StartupError,
    message: /read-only file system\.$/,
  });
  t.throws(() => openFunctions(dir), { instanceOf: StartupError, message: /cannot be used: .*\.$/ });
});
