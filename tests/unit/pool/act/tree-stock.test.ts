import { readdirSync, rmSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { WithRoom } from '../../../../src/instance/worker-start.js';
import { TreeStock } from '../../../../src/pool/act/tree-stock.js';
import type { Code } from '../../../../src/pool/workload.js';
import { until, workload } from '../../../helpers/pool-fixture.js';
import { temporaryDirectory } from '../../../helpers/temporary-directory.js';

/** A stock in a directory of its own, code whose trees hold one file, and how many of them were prepared. */
function stocked(t: ExecutionContext, withRoom: WithRoom = async (work) => work()) {
  const runDir = temporaryDirectory(t);
  const stock = new TreeStock(runDir, withRoom);
  const prepared: string[] = [];
  const code = (key: string): Code => {
    const prepareTree = async (target: string): Promise<void> => {
      prepared.push(key);
      await mkdir(target);
      await writeFile(join(target, `${key}.js`), '');
    };
    return workload({ key, prepareTree }).code;
  };
  return { stock, runDir, code, prepared };
}

test('a tree is prepared when none is there', async (t) => {
  const { stock, runDir, code, prepared } = stocked(t);
  stock.want('a');
  const [one, other] = await Promise.all([stock.take(code('a')), stock.take(code('a'))]);
  t.not(one, other);
  t.deepEqual(readdirSync(one), ['a.js']);
  t.is(join(one, '..'), runDir, 'one rename away from a slot');
  t.deepEqual(prepared, ['a', 'a']);
  t.is(stock.spare('a'), 0);
});

test('a tree that comes back is taken again, under another name', async (t) => {
  const { stock, runDir, code, prepared } = stocked(t);
  stock.want('a');
  const dir = join(runDir, 'slot', 'function');
  await mkdir(join(runDir, 'slot'));
  await rename(await stock.take(code('a')), dir);
  stock.giveBack('a', dir);
  t.is(stock.spare('a'), 1);
  const again = await stock.take(code('a'));
  t.deepEqual(readdirSync(again), ['a.js']);
  t.is(stock.spare('a'), 0);
  t.deepEqual(prepared, ['a']);
  t.deepEqual(readdirSync(join(runDir, 'slot')), []);
});

test('a tree made earlier of code that was altered since is not handed out, and goes', async (t) => {
  const { stock, runDir, code } = stocked(t);
  stock.want('a');
  stock.giveBack('a', await stock.take(code('a')));
  t.is(stock.spare('a'), 1);
  const altered = { ...code('a'), verifyTree: () => Promise.reject(new Error('altered')) };
  await t.throwsAsync(stock.take(altered), { message: 'altered' });
  t.is(stock.spare('a'), 0);
  await stock.close();
  t.deepEqual(readdirSync(runDir), []);
});

test('a tree serves its own code only', async (t) => {
  const { stock, code, prepared } = stocked(t);
  for (const key of ['a', 'b']) stock.want(key);
  stock.giveBack('a', await stock.take(code('a')));
  t.deepEqual(readdirSync(await stock.take(code('b'))), ['b.js']);
  t.deepEqual(prepared, ['a', 'b']);
  t.is(stock.spare('a'), 1);
});

test('a tree can be made ahead, once', async (t) => {
  const { stock, code, prepared } = stocked(t);
  stock.want('a');
  await stock.prepare(code('a'));
  await stock.prepare(code('a'));
  t.deepEqual(prepared, ['a']);
  await stock.take(code('a'));
  t.deepEqual(prepared, ['a']);
});

test('a tree that nobody wants any more is removed as it comes back', async (t) => {
  const { stock, runDir, code } = stocked(t);
  stock.giveBack('a', await stock.take(code('a')));
  t.is(stock.spare('a'), 0);
  await t.notThrowsAsync(until(() => readdirSync(runDir).length === 0));
});

test('trees that are dropped go, those in use when they come back', async (t) => {
  const { stock, runDir, code, prepared } = stocked(t);
  for (const key of ['a', 'b']) stock.want(key);
  const used = await stock.take(code('a'));
  await stock.prepare(code('a'));
  await stock.prepare(code('b'));
  stock.drop('a');
  t.is(stock.spare('a'), 0);
  await until(() => readdirSync(runDir).length === 2);
  stock.giveBack('a', used);
  await until(() => readdirSync(runDir).length === 1);
  t.is(stock.spare('b'), 1);
  stock.want('a');
  await stock.take(code('a'));
  t.deepEqual(prepared, ['a', 'a', 'b', 'a']);
});

test('once it is closed nothing is left, nor kept of what comes back', async (t) => {
  const { stock, runDir, code } = stocked(t);
  for (const key of ['a', 'b']) {
    stock.want(key);
    await stock.prepare(code(key));
  }
  const used = [await stock.take(code('a')), await stock.take(code('a'))];
  stock.giveBack('a', used.pop()!);
  await stock.close();
  t.deepEqual(
    readdirSync(runDir).map((name) => join(runDir, name)),
    used,
  );
  stock.giveBack('a', used[0]!);
  await stock.close();
  t.deepEqual(readdirSync(runDir), []);
});

test('dropping what is not there is nothing', (t) => {
  const { stock, runDir } = stocked(t);
  stock.drop('a');
  t.deepEqual(readdirSync(runDir), []);
});

test('sixteen trees of one version are kept', async (t) => {
  const { stock, runDir, code } = stocked(t);
  stock.want('a');
  const dirs = await Promise.all(Array.from({ length: 20 }, () => stock.take(code('a'))));
  for (const dir of dirs) stock.giveBack('a', dir);
  t.is(stock.spare('a'), 16);
  await t.notThrowsAsync(until(() => readdirSync(runDir).length === 16));
});

test('beyond 256 trees those go that were put aside first', async (t) => {
  const { stock, runDir, code } = stocked(t);
  const keys = Array.from({ length: 17 }, (_, n) => `c${n}`);
  for (const key of keys) {
    stock.want(key);
    const dirs = await Promise.all(Array.from({ length: 16 }, () => stock.take(code(key))));
    for (const dir of dirs) stock.giveBack(key, dir);
    // It was used again, so it is not the one to go.
    if (key === 'c1') stock.giveBack('c0', await stock.take(code('c0')));
  }
  t.is(stock.spare('c1'), 0);
  t.is(stock.spare('c0'), 16);
  t.is(
    keys.reduce((sum, key) => sum + stock.spare(key), 0),
    256,
  );
  await t.notThrowsAsync(until(() => readdirSync(runDir).length === 256));
});

test('what was dropped makes room for others', async (t) => {
  const { stock, code } = stocked(t);
  const keys = Array.from({ length: 16 }, (_, n) => `c${n}`);
  for (const key of [...keys, 'last']) {
    if (key === 'last') stock.drop('c1');
    stock.want(key);
    const dirs = await Promise.all(Array.from({ length: 16 }, () => stock.take(code(key))));
    for (const dir of dirs) stock.giveBack(key, dir);
  }
  t.is(stock.spare('c0'), 16);
  t.is(stock.spare('last'), 16);
});

test('a directory that has vanished does not come back', async (t) => {
  const { stock, runDir, code } = stocked(t);
  stock.want('a');
  stock.giveBack('a', join(runDir, 'never'));
  stock.giveBack('b', join(runDir, 'never'));
  const dir = await stock.take(code('a'));
  rmSync(dir, { recursive: true });
  stock.giveBack('a', dir);
  t.is(stock.spare('a'), 0);
  t.deepEqual(readdirSync(runDir), []);
});

test('room is made for a tree where there is none', async (t) => {
  let full = true;
  const { stock, code, prepared } = stocked(t, async (work) => {
    if (full) prepared.push('room made');
    full = false;
    return work();
  });
  await stock.take(code('a'));
  t.deepEqual(prepared, ['room made', 'a']);
});

test('a tree that cannot be prepared is its taker’s to know', async (t) => {
  const { stock, runDir } = stocked(t);
  stock.want('a');
  const prepareTree = (): Promise<void> => Promise.reject(new Error('no files'));
  const { code } = workload({ prepareTree });
  await t.throwsAsync(stock.take(code), { message: 'no files' });
  await t.throwsAsync(stock.prepare(code), { message: 'no files' });
  t.is(stock.spare('a'), 0);
  t.deepEqual(readdirSync(runDir), []);
});

test('one that is being made ahead is not made twice, and is gone after closing', async (t) => {
  const { stock, runDir, code, prepared } = stocked(t);
  stock.want('a');
  const both = [stock.prepare(code('a')), stock.prepare(code('a'))];
  await stock.close();
  await Promise.all(both);
  t.deepEqual(prepared, ['a']);
  t.deepEqual(readdirSync(runDir), []);
});
