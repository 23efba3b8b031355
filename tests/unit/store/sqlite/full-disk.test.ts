import test from 'ava';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GlambdarError } from '../../../../src/errors.js';
import { openDataDirectory } from '../../../../src/data/data-directory.js';
import { DiskReserve } from '../../../../src/data/disk-reserve.js';
import { openSqliteStore } from '../../../../src/store/sqlite/sqlite-store.js';
import { StartupError } from '../../../../src/model/startup-error.js';
import { StoreError } from '../../../../src/store/store.js';
import { call, publication } from '../builders.js';
import { fill, mount, noSmallDisks, smallDisk } from '../small-disk.js';

const reason = noSmallDisks();
const onDisk = reason === undefined ? test.serial : test.serial.skip;
const title = (text: string): string => (reason === undefined ? text : `${text} (${reason})`);

const MIB = 1024 * 1024;
const sizes = { ballastBytes: 4 * MIB, floorBytes: 1 * MIB, floorInodes: 8 };
const isFull = (error: unknown): boolean => error instanceof StoreError && error.full;

onDisk(
  title('on a full disk reads go on, writes say that it is full, and deletes work by giving up the reserve'),
  (t) => {
    const dir = smallDisk(t, 32);
    const data = openDataDirectory(dir, sizes);
    const store = openSqliteStore({ dir, onFull: () => data.reserve.release() });
    t.teardown(() => {
      store.close();
      data.close();
    });
    for (let n = 0; n < 50; n++) store.publish(publication(`f${n}`));
    store.appendInvocations([call('1', 'f1', { stdout: 'x'.repeat(10_000) })], new Map(), 10);
    t.true(data.reserve.held);

    const filler = fill(dir);
    let published = 0;
    const error = t.throws(() => {
      for (; published < 2_000; published++) store.publish(publication(`more${published}`)); // the log may have some room yet
    });
    t.true(isFull(error), String(error));
    t.true(data.reserve.held, 'a publish leaves the reserve alone');
    t.throws(
      () => {
        for (let n = 0; n < 100; n++) {
          store.appendInvocations([call(`full-${n}`, 'f1', { stdout: 'x'.repeat(MIB) })], new Map(), 1_000);
        }
      },
      { instanceOf: StoreError },
    );
    t.throws(() => {
      for (let n = 0; n < 2_000; n++) store.check();
    });
    t.is(store.getFunction('f7')?.active.version, 1);
    t.is(store.getInvocation('1')?.stdout.length, 10_000);

    for (let n = 0; n < 50; n++) t.true(store.removeFunction(`f${n}`), `f${n}`);
    t.is(store.getFunction('f7'), undefined);
    t.is(store.listFunctions().length, published);

    rmSync(filler);
    t.true(data.reserve.restore());
    t.true(data.reserve.held);
    t.notThrows(() => store.check());
    t.notThrows(() => store.publish(publication('again')));
  },
);

onDisk(title('a removal on a full disk throws when there is no reserve to give up'), (t) => {
  const dir = smallDisk(t, 32);
  const store = openSqliteStore({ dir, onFull: () => false });
  t.teardown(() => store.close());
  for (let n = 0; n < 2_000; n++) store.publish(publication(`f${n}`));
  store.close();
  const again = openSqliteStore({ dir, onFull: () => false });
  t.teardown(() => again.close());
  fill(dir);
  const error = t.throws(() => {
    for (let n = 0; n < 2_000; n++) again.removeFunction(`f${n}`);
  });
  t.true(isFull(error), String(error));
});

onDisk(title('a server starts on a full disk, and can delete there'), (t) => {
  const dir = smallDisk(t, 32);
  const first = openDataDirectory(dir, sizes);
  const before = openSqliteStore({ dir });
  before.publish(publication('f'));
  before.close();
  first.close();
  fill(dir);

  const data = openDataDirectory(dir, sizes);
  t.is(data.id, first.id);
  const store = openSqliteStore({ dir, onFull: () => data.reserve.release() });
  t.true(store.removeFunction('f'));
  store.close();
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
  title('work that meets a full disk is done with the room of the reserve, as long as that lasts'),
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
    t.false(reserve.held);
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
    const refused = t.throws(() => openDataDirectory(dir, sizes), { instanceOf: StartupError });
    t.regex(refused.message, /are not on one file system/);
    execFileSync('umount', [target]);
    mkdirSync(join(dir, 'elsewhere'));
    execFileSync('mount', ['--bind', join(dir, 'elsewhere'), target]); // the same device, and still no rename across it
    t.throws(() => openDataDirectory(dir, sizes), {
      instanceOf: StartupError,
      message: /are not on one file system/,
    });
  });
}

onDisk(title('a read-only file system is a sentence, not a stack'), (t) => {
  const dir = smallDisk(t, 16);
  openDataDirectory(dir, sizes).close();
  execFileSync('mount', ['-o', 'remount,ro', dir]);
  t.throws(() => openDataDirectory(dir, sizes), {
    instanceOf: StartupError,
    message: /read-only file system\.$/,
  });
  t.throws(() => openSqliteStore({ dir }), { instanceOf: StartupError, message: /cannot be used: .*\.$/ });
});
