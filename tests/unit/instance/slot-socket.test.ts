import { closeSync, mkdirSync, openSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'ava';
import { listenInSlot } from '../../../src/instance/slot-socket.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

const { signal } = new AbortController();

/** Connects as a worker does: by a short path, whatever the length of the long one. */
async function connectTo(slotDir: string): Promise<Socket> {
  const directory = openSync(slotDir, 'r');
  const socket = connect(`/proc/self/fd/${directory}/s`);
  try {
    await once(socket, 'connect');
  } finally {
    closeSync(directory);
  }
  return socket;
}

/** What this process has open of a slot: sockets, and what lies in `dir`. Files of the test runner come and go meanwhile. */
function openDescriptors(dir: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const link = readlinkSync(`/proc/self/fd/${fd}`);
      return link.startsWith('socket:') || link.startsWith(dir) ? [link] : [];
    } catch {
      return []; // the one that listed the directory
    }
  });
}

/** Those that were not open before. */
function newSince(before: string[], dir: string): string[] {
  return openDescriptors(dir).filter((link) => !before.includes(link));
}

test('a slot whose path is longer than a socket address takes a connection', async (t) => {
  const root = temporaryDirectory(t);
  const long = join(root, 'x'.repeat(120));
  mkdirSync(long);
  const slot = listenInSlot(long);
  t.deepEqual(readdirSync(long), ['s']);
  t.is(statSync(join(long, 's')).mode & 0o777, 0o666);
  const [accepted, client] = await Promise.all([slot.accept(signal), connectTo(long)]);
  accepted.resume();
  client.write('hello');
  t.is(String((await once(accepted, 'data'))[0]), 'hello');
  client.destroy();
  accepted.destroy();
});

test('two slots whose paths begin with the same 107 bytes do not meet', async (t) => {
  const root = join(temporaryDirectory(t), 'x'.repeat(120));
  mkdirSync(root);
  const dirs = ['a', 'b'].map((name) => join(root, name));
  dirs.forEach((dir) => mkdirSync(dir));
  const slots = dirs.map(listenInSlot);
  const accepted = slots.map((slot) => slot.accept(signal));
  const clients = await Promise.all(dirs.map(connectTo));
  clients.forEach((client, index) => client.write(dirs[index]!.slice(-1)));
  for (const [index, socket] of (await Promise.all(accepted)).entries()) {
    socket.resume();
    t.is(String((await once(socket, 'data'))[0]), 'ab'.charAt(index));
    socket.destroy();
  }
  clients.forEach((client) => client.destroy());
});

test('a slot takes one connection and is then empty', async (t) => {
  const dir = temporaryDirectory(t);
  const slot = listenInSlot(dir);
  const client = await connectTo(dir);
  const second = connectTo(dir).then(
    async (socket) => {
      // It was in the backlog already: it must be cut off without a word.
      await once(socket.resume(), 'close');
    },
    () => undefined,
  );
  const accepted = await slot.accept(signal);
  await second;
  t.deepEqual(readdirSync(dir), []);
  await t.throwsAsync(connectTo(dir), { code: 'ENOENT' });
  accepted.destroy();
  client.destroy();
});

test.serial('an abort ends the waiting and leaves neither socket nor descriptor', async (t) => {
  const dir = temporaryDirectory(t);
  const before = openDescriptors(dir);
  const controller = new AbortController();
  const slot = listenInSlot(dir);
  const waiting = slot.accept(controller.signal);
  controller.abort(new Error('enough'));
  await t.throwsAsync(waiting, { message: 'enough' });
  t.deepEqual(readdirSync(dir), []);
  const late = listenInSlot(dir);
  await t.throwsAsync(late.accept(controller.signal), { message: 'enough' });
  t.deepEqual(readdirSync(dir), [], 'also when the signal had aborted before');
  t.deepEqual(newSince(before, dir), []);
});

test.serial('close may be called twice and leaves nothing', (t) => {
  const dir = temporaryDirectory(t);
  const before = openDescriptors(dir);
  const slot = listenInSlot(dir);
  slot.close();
  slot.close();
  t.deepEqual(readdirSync(dir), []);
  t.deepEqual(newSince(before, dir), []);
});

test.serial('a slot that is taken, missing or a link is refused without a leak', (t) => {
  const dir = temporaryDirectory(t);
  const before = openDescriptors(dir);
  const slot = listenInSlot(dir);
  t.throws(() => listenInSlot(join(dir, 'missing')), { code: 'ENOENT' });
  t.throws(() => listenInSlot(join(dir, 's')));
  slot.close();
  t.deepEqual(newSince(before, dir), []);
});
