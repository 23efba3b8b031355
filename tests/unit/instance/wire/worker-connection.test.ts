import { EventEmitter, once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  ConnectionLost,
  latestBegin,
  LoadFailure,
  WorkerConnection,
} from '../../../../src/instance/wire/worker-connection.js';
import {
  encodeFrame,
  monotonicMs,
  type LoadMessage,
  type WorkerMessage,
} from '../../../../worker/node/protocol.cjs';
import {
  noAccounts,
  ready,
  response,
  scriptedWorker,
  type Peer,
  type Script,
} from '../../../helpers/scripted-worker.js';
import { answerOf } from '../../../helpers/answer-of.js';
import { invokeMessage, until } from '../../../helpers/pool-fixture.js';
import { temporaryDirectory } from '../../../helpers/temporary-directory.js';

const load: LoadMessage = {
  type: 'load',
  id: 'l',
  name: 'f',
  memoryMb: 64,
  handler: null,
  contract: 'glambdar',
  env: {},
};
const error = { name: 'Error', message: 'm', stack: 's' };

const invoke = (id = 'c') => invokeMessage(id);

/** Both ends of a real Unix socket; the worker's end is not read yet. */
async function pair(
  t: ExecutionContext,
  maxBodyBytes = 10_000,
  prepare: (host: Socket) => void = () => undefined,
): Promise<{ connection: WorkerConnection; worker: Socket }> {
  const path = join(temporaryDirectory(t), 's');
  const server = createServer({ pauseOnConnect: true });
  server.listen(path);
  await once(server, 'listening');
  const worker = connect(path);
  worker.on('error', () => undefined);
  const [[host]] = (await Promise.all([once(server, 'connection'), once(worker, 'connect')])) as [
    [Socket],
    unknown,
  ];
  server.close();
  prepare(host);
  const connection = new WorkerConnection(host, maxBodyBytes);
  t.teardown(() => {
    connection.destroy();
    worker.destroy();
  });
  return { connection, worker };
}

/** A connection to a worker that follows the script. */
async function connected(t: ExecutionContext, script: Script = {}): Promise<WorkerConnection> {
  const { connection, worker } = await pair(t);
  scriptedWorker(script)(worker);
  return connection;
}

/** Loaded, and what the next call comes to. */
async function called(t: ExecutionContext, onInvoke: NonNullable<Script['invoke']>, logs: string[] = []) {
  const connection = await connected(t, { invoke: onInvoke });
  await connection.ready();
  await connection.load(load, () => undefined);
  const result = answerOf(connection, invoke(), Buffer.alloc(0), (stream, text) =>
    logs.push(`${stream}:${text.toString()}`),
  );
  return { connection, result };
}

const log = (id: string, stream: 'stdout' | 'stderr' = 'stdout'): WorkerMessage => ({
  type: 'log',
  id,
  stream,
});

test('a worker goes from ready over load to calls', async (t) => {
  const seen: string[] = [];
  const connection = await connected(t, {
    load: (message, { send }) => {
      send(log(message.id), Buffer.from('loading'));
      send({ type: 'loaded', id: message.id });
    },
    invoke: (message, { send }, body) => {
      send(log(message.id, 'stderr'), Buffer.from('calling'));
      send({ ...response(message.id, 201), headers: [['a', 'b']] } as WorkerMessage, body);
    },
  });
  await connection.ready();
  await connection.load(load, (stream, text) => seen.push(`${stream}:${text.toString()}`));
  for (const id of ['1', '2']) {
    const result = await answerOf(connection, invoke(id), Buffer.from('body'), (stream, text) =>
      seen.push(`${stream}:${text.toString()}`),
    );
    t.like(result, { message: { type: 'response', id, statusCode: 201, headers: [['a', 'b']] } });
    t.is((result as { body: Buffer }).body.toString(), 'body');
  }
  t.deepEqual(seen, ['stdout:loading', 'stderr:calling', 'stderr:calling']);
  t.is(connection.lost, null);
});

test('the answer and the output of a call stay as they were when another worker answers', async (t) => {
  const speaking = async (word: string) => {
    const connection = await connected(t, {
      invoke: ({ id }, { send }) => {
        send(log(id), Buffer.from(`${word} printed`));
        send(response(id), Buffer.from(`${word} answered`));
      },
    });
    await connection.ready();
    await connection.load(load, () => undefined);
    const printed: Buffer[] = [];
    const call = async (id: string): Promise<Buffer> => {
      const answer = await answerOf(connection, invoke(id), Buffer.alloc(0), (_stream, text) =>
        printed.push(text),
      );
      return (answer as { body: Buffer }).body;
    };
    return { call, printed };
  };
  const [mine, theirs] = [await speaking('mine'), await speaking('theirs')];
  const answer = await mine.call('1');
  await theirs.call('2');
  t.is(answer.toString(), 'mine answered');
  t.deepEqual(mine.printed.map(String), ['mine printed']);
});

/** Has a socket look like those of which reads cannot be taken over. */
function withoutTakeOver(host: Socket): void {
  const { _handle: handle } = host as unknown as { _handle: { useUserBuffer: unknown } };
  handle.useUserBuffer = undefined;
}

for (const [where, prepare] of [
  ['into one buffer', undefined],
  ['into buffers of their own', withoutTakeOver],
] as const)
  test(`what several workers send at once, in pieces of any size, is read whole ${where}`, async (t) => {
    const bodySizes = [0, 1, 4_000, 65_536 - 100, 65_536, 65_536 + 1, 400_000];
    const talk = async (byte: number): Promise<void> => {
      const { connection, worker } = await pair(t, 400_000, prepare);
      scriptedWorker({
        invoke: ({ id }) => {
          const bodyBytes = bodySizes[Number(id)]!;
          const bytes = Buffer.concat([
            ...encodeFrame(log(id), Buffer.alloc(3_000, byte)),
            ...encodeFrame(log(id, 'stderr'), Buffer.alloc(20, byte)),
            ...encodeFrame(response(id), Buffer.alloc(bodyBytes, byte)),
          ]);
          // Each worker cuts what it sends at other places.
          const step = [7_001, 64 * 1024, 100_003, bytes.length][byte % 4]!;
          for (let at = 0; at < bytes.length; at += step) worker.write(bytes.subarray(at, at + step));
        },
      })(worker);
      await connection.ready();
      await connection.load(load, () => undefined);
      const kept: Buffer[] = [];
      for (const [id] of bodySizes.entries()) {
        const answer = await answerOf(connection, invoke(String(id)), Buffer.alloc(0), (_stream, text) =>
          kept.push(text),
        );
        kept.push((answer as { body: Buffer }).body);
        t.is(kept.at(-1)!.length, bodySizes[id]!);
      }
      t.is(kept.length, 3 * bodySizes.length);
      texts.push([byte, kept]);
    };
    const texts: [byte: number, kept: Buffer[]][] = [];
    await Promise.all([1, 2, 3, 4, 5, 6].map(talk));
    for (const [byte, kept] of texts)
      t.true(
        kept.every((text) => text.every((each) => each === byte)),
        `those of worker ${byte}`,
      );
  });

test('a load that fails rejects with the error of the code and leaves the connection whole', async (t) => {
  const connection = await connected(t, {
    load: ({ id }, { send }) => send({ type: 'load-failed', id, error }),
  });
  await connection.ready();
  const failure = await t.throwsAsync(
    connection.load(load, () => undefined),
    { instanceOf: LoadFailure },
  );
  t.deepEqual(failure.error, error);
  t.is(connection.lost, null);
});

test('a call that fails resolves with what the worker tells', async (t) => {
  const { result } = await called(t, ({ id }, { send }) =>
    send({ type: 'error', id, kind: 'function', error, ...noAccounts }),
  );
  t.like(await result, { message: { type: 'error', kind: 'function', error } });
});

test('a worker that loads is asked nothing else', async (t) => {
  const connection = await connected(t, {});
  await connection.ready();
  const loaded = connection.load(load, () => undefined);
  await t.throwsAsync(
    answerOf(connection, invoke('2'), Buffer.alloc(0), () => undefined),
    { message: /one thing at a time/ },
  );
  await loaded;
});

/** Three calls `1`, `2`, `3` that were sent together; the script answers them. */
async function together(t: ExecutionContext, script: Script) {
  const connection = await connected(t, script);
  await connection.ready();
  await connection.load(load, () => undefined);
  const events: string[] = [];
  const results = ['1', '2', '3'].map((id) =>
    answerOf(
      connection,
      { ...invoke(id), ahead: id === '1' ? undefined : latestBegin() },
      Buffer.alloc(0),
      () => undefined,
      () => id !== '1' && events.push(`${id} begins`),
    ).then(
      ({ message }) => void events.push(`${id} ${message.type}`),
      (failure: Error) => void events.push(`${id} ${failure.name}`),
    ),
  );
  return { connection, events, results, over: () => Promise.all(results) };
}

test('a call that was sent while another runs begins when that one is answered', async (t) => {
  const { events, over } = await together(t, {
    invoke: ({ id }, { send }) => send(response(id)),
  });
  await over();
  const order = (kind: string): string[] => events.filter((event) => event.endsWith(kind));
  t.deepEqual(order('begins'), ['2 begins', '3 begins']);
  t.deepEqual(order('response'), ['1 response', '2 response', '3 response']);
  t.true(events.indexOf('3 begins') < events.indexOf('2 response'));
});

test('calls that have not begun are given back when they are recalled, and the one that runs goes on', async (t) => {
  const { connection, events, over } = await together(t, {
    invoke: () => undefined,
    recall: ({ send }) => {
      for (const id of ['2', '3']) send({ type: 'returned', id });
      send(response('1'));
    },
  });
  connection.recall();
  await over();
  t.deepEqual(events, ['2 NotBegun', '3 NotBegun', '1 response']);
  t.is(connection.lost, null);
});

test('a call that has not begun can be cancelled', async (t) => {
  const { connection, events, over } = await together(t, {
    invoke: () => undefined,
    cancel: (id, { send }) => {
      send({ type: 'returned', id });
      for (const each of ['1', '2']) send(response(each));
    },
  });
  connection.cancel('3');
  await over();
  t.deepEqual(events.sort(), ['1 response', '2 begins', '2 response', '3 NotBegun']);
});

test('when the worker ends, the call that ran is lost, and those after it have not begun', async (t) => {
  const { events, over } = await together(t, {
    invoke: ({ id }, { send, socket }) => {
      if (id === '1') send(response(id));
      if (id === '3') socket.end();
    },
  });
  await over();
  t.deepEqual(events, ['2 begins', '1 response', '2 ConnectionLost', '3 NotBegun']);
});

test('when a write fails before all is read that a worker sent, none of its calls is said not to have begun', async (t) => {
  const { connection, events, over } = await together(t, {
    invoke: ({ id }, { send, socket }) => {
      if (id !== '3') return;
      send(response('1'));
      socket.destroy();
      connection.recall();
    },
  });
  await over();
  t.false(events.includes('2 NotBegun'));
});

test('when we close the connection of a worker that may live on, none of its calls is said not to have begun', async (t) => {
  const { connection, events, over } = await together(t, { invoke: () => undefined });
  connection.destroy();
  await over();
  t.deepEqual(events, ['1 ConnectionLost', '2 ConnectionLost', '3 ConnectionLost']);
});

for (const kind of ['uncaught', 'unsettled'] as const)
  test(`after a call that fails as ${kind}, no call that was sent with it begins`, async (t) => {
    const { connection, events, over } = await together(t, {
      invoke: ({ id }, { send }) => {
        if (id !== '3') return;
        send({ type: 'error', id: '1', kind, error, ...noAccounts });
        for (const each of ['2', '3']) send({ type: 'returned', id: each });
      },
    });
    await over();
    t.deepEqual(events, ['2 NotBegun', '3 NotBegun', '1 error']);
    await until(() => connection.lost === null);
  });

/** Calls `2` and `3` are taken from a worker that hears nothing; then it answers `1`, and goes on like this. */
async function deaf(t: ExecutionContext, then: (peer: Peer) => void) {
  let peer!: Peer;
  const { connection, events, results } = await together(t, {
    connected: ({ send }) => send({ ...ready, clockMs: monotonicMs() }),
    invoke: ({ id }, from) => (id === '4' ? from.send(response('4')) : (peer = from)),
  });
  await until(() => {
    connection.recall();
    return events.length === 2;
  });
  t.deepEqual(events, ['2 NotBegun', '3 NotBegun']);
  peer.send(response('1'));
  then(peer);
  await results[0];
  return connection;
}

test('calls are taken from a worker that hears nothing, and it gives them back when it hears again', async (t) => {
  const connection = await deaf(t, ({ send }) => {
    for (const id of ['2', '3']) send({ type: 'returned', id });
  });
  await answerOf(connection, invoke('4'), Buffer.alloc(0), () => undefined);
  t.is(connection.lost, null);
});

test('a worker that never gives back a call that was taken from it breaks the protocol', async (t) => {
  const connection = await deaf(t, ({ send }) => send({ type: 'returned', id: '2' }));
  await t.throwsAsync(
    answerOf(connection, invoke('4'), Buffer.alloc(0), () => undefined),
    { instanceOf: ConnectionLost, message: /was not given back/ },
  );
});

test('a call that reached the worker only after the answer before it may be given back', async (t) => {
  const { connection, events, over } = await together(t, {
    invoke: ({ id }, { send }) => {
      if (id !== '3') return;
      send(response('1'));
      send({ type: 'returned', id: '2' });
      send(response('3'));
    },
  });
  await over();
  t.deepEqual(events.sort(), ['1 response', '2 NotBegun', '2 begins', '3 begins', '3 response']);
  t.is(connection.lost, null);
});

test('a worker that gives back a call it has begun, or never had, breaks the protocol', async (t) => {
  for (const id of ['1', 'other']) {
    const { connection, over } = await together(t, {
      invoke: (_message, { send }) => send({ type: 'returned', id }),
    });
    await over();
    t.is(connection.lost?.kind, 'protocol', id);
  }
});

test('only the call under way can be cancelled', async (t) => {
  const cancelled: string[] = [];
  const connection = await connected(t, {
    invoke: () => undefined,
    cancel: (id, { send }) => {
      cancelled.push(id);
      send(response(id));
    },
  });
  await connection.ready();
  connection.cancel('c');
  await connection.load(load, () => undefined);
  const result = answerOf(connection, invoke('c'), Buffer.alloc(0), () => undefined);
  connection.cancel('other');
  connection.cancel('c');
  await result;
  connection.cancel('c');
  connection.destroy();
  connection.cancel('c');
  t.deepEqual(cancelled, ['c']);
});

const handshakes: [what: string, first: WorkerMessage | Record<string, unknown>, message: RegExp][] = [
  ['another protocol version', { ...ready, protocol: 99 }, /speaks protocol 99, expected 4/],
  ['loaded before anything', { type: 'loaded', id: '' }, /a loaded message for another id/],
  ['a response before anything', response(''), /a response message for another id/],
  ['an unknown type', { type: 'hello' }, /unknown type "hello"/],
  ['an array', [] as never, /header is not an object/],
];

for (const [what, first, message] of handshakes)
  test(`a connection ends when the worker begins with ${what}`, async (t) => {
    const connection = await connected(t, { connected: ({ send }) => send(first as WorkerMessage) });
    const lost = await t.throwsAsync(connection.ready(), { instanceOf: ConnectionLost, message });
    t.is(lost.kind, 'protocol');
    t.is(connection.lost, lost);
  });

const idleFrames: [what: string, frame: WorkerMessage][] = [
  ['a second ready', ready],
  ['an answer before a call', response('c')],
  ['loaded before a load', { type: 'loaded', id: 'l' }],
];

for (const [what, frame] of idleFrames)
  test(`a connection ends when ${what} comes in the same bytes as ready`, async (t) => {
    const connection = await connected(t, {
      connected: ({ socket }) => socket.write(Buffer.concat([...encodeFrame(ready), ...encodeFrame(frame)])),
    });
    await connection.ready();
    t.is(connection.lost?.kind, 'protocol');
    t.regex(connection.lost?.message ?? '', /came while nothing was asked/);
    await t.throwsAsync(
      connection.load(load, () => undefined),
      { instanceOf: ConnectionLost },
    );
  });

const answers: [
  what: string,
  frames: (id: string) => (WorkerMessage | [WorkerMessage, Buffer])[],
  message: RegExp,
][] = [
  ['a second ready', () => [ready], /a second ready message/],
  ['an answer for another id', () => [response('other')], /a response message for another id/],
  ['a log line for another id', () => [[log('other'), Buffer.from('x')]], /a log message for another id/],
  ['loaded in a call', (id) => [{ type: 'loaded', id }], /a loaded message while no load is under way/],
  [
    'load-failed in a call',
    (id) => [{ type: 'load-failed', id, error }],
    /a load-failed message while no load/,
  ],
  [
    'more log than allowed',
    (id) => [
      [log(id), Buffer.alloc(200_000)],
      [log(id), Buffer.alloc(100_000)],
    ],
    /more output than the worker may send/,
  ],
  ['a body over the limit', (id) => [[response(id), Buffer.alloc(10_001)]], /body of 10001 bytes came/],
  [
    'a body larger than all that a worker may send',
    (id) => [[response(id), Buffer.alloc(256 * 1024 + 1)]],
    /body of 262145 bytes was announced/,
  ],
];

for (const [what, frames, message] of answers)
  test(`a connection ends when a call is answered by ${what}`, async (t) => {
    const { connection, result } = await called(t, ({ id }, { send }) => {
      for (const frame of frames(id)) {
        if (Array.isArray(frame)) send(...frame);
        else send(frame);
      }
    });
    const lost = await t.throwsAsync(result, { instanceOf: ConnectionLost, message });
    t.is(lost.kind, 'protocol');
    t.is(connection.lost, lost);
  });

test('a connection ends when one stream brings more than 256 KiB in a call', async (t) => {
  const logs: string[] = [];
  const { result } = await called(
    t,
    ({ id }, { send }) => {
      for (let sent = 0; sent <= 256 * 1024; sent += 8192) send(log(id), Buffer.alloc(8192, 'x'));
      send(response(id));
    },
    logs,
  );
  await t.throwsAsync(result, {
    instanceOf: ConnectionLost,
    message: /more output than the worker may send/,
  });
  t.is(logs.length, 32);
});

test('each stream of each call may bring 256 KiB, also in one piece and where bodies must be smaller', async (t) => {
  const connection = await connected(t, {
    invoke: ({ id }, { send }) => {
      for (const stream of ['stdout', 'stderr'] as const)
        for (let sent = 0, size = id === '1' ? 8192 : 256 * 1024; sent < 256 * 1024; sent += size)
          send(log(id, stream), Buffer.alloc(size, 'x'));
      send(response(id));
    },
  });
  await connection.ready();
  await connection.load(load, () => undefined);
  for (const id of ['1', '2']) {
    let bytes = 0;
    await answerOf(connection, invoke(id), Buffer.alloc(0), (_stream, text) => (bytes += text.length));
    t.is(bytes, 512 * 1024);
  }
});

test('a second answer after the first ends the connection, and the first counts', async (t) => {
  const { connection, result } = await called(t, ({ id }, { socket }) =>
    socket.write(Buffer.concat([...encodeFrame(response(id, 201)), ...encodeFrame(response(id, 202))])),
  );
  t.like(await result, { message: { statusCode: 201 } });
  t.is(connection.lost?.kind, 'protocol');
});

const unasked: [what: string, bytes: Buffer][] = [
  ['a frame', Buffer.concat(encodeFrame(response('next')))],
  ['a single byte', Buffer.alloc(1)],
];

for (const [what, bytes] of unasked)
  test(`${what} between two calls ends the connection at once`, async (t) => {
    let peer: { socket: Socket } | undefined;
    const { connection, result } = await called(t, ({ id }, given) => {
      peer = given;
      given.send(response(id));
    });
    await result;
    const lost = new Promise<ConnectionLost>((resolve) => connection.onLost(resolve));
    peer?.socket.write(bytes);
    t.like(await lost, { kind: 'protocol', message: 'bytes came while nothing was asked' });
  });

for (const bytes of [1, 8, 20])
  test(`${bytes} bytes of a message after an answer end the connection, and the answer counts`, async (t) => {
    const { connection, result } = await called(t, ({ id }, { socket }) => {
      const [answer, next] = [response(id, 201), response('next')].map((each) => encodeFrame(each)[0]!);
      socket.write(Buffer.concat([answer!, next!.subarray(0, bytes)]));
    });
    t.like(await result, { message: { statusCode: 201 } });
    t.like(connection.lost, { kind: 'protocol', message: 'part of a message came after the answer' });
  });

test('what only a call may bring is refused before it is kept in a handshake and a load', async (t) => {
  const prefix = (bodyBytes: number): Buffer => {
    const sizes = Buffer.alloc(8);
    sizes.writeUInt32BE(2, 0);
    sizes.writeUInt32BE(bodyBytes, 4);
    return sizes;
  };
  const early = await connected(t, { connected: ({ socket }) => socket.write(prefix(1)) });
  await t.throwsAsync(early.ready(), {
    instanceOf: ConnectionLost,
    message: /body of 1 bytes was announced/,
  });
  const { connection, worker } = await pair(t, 1_000_000);
  scriptedWorker({ load: (_, { socket }) => socket.write(prefix(256 * 1024 + 1)) })(worker);
  await connection.ready();
  await t.throwsAsync(
    connection.load(load, () => undefined),
    { instanceOf: ConnectionLost, message: /body of 262145 bytes was announced/ },
  );
});

test('half a frame and then the end rejects what waits', async (t) => {
  const { connection, result } = await called(t, ({ id }, { socket }) => {
    socket.end(Buffer.concat(encodeFrame(response(id), Buffer.from('body'))).subarray(0, -2));
  });
  const lost = await t.throwsAsync(result, { instanceOf: ConnectionLost, message: /closed its connection/ });
  t.is(lost.kind, 'closed');
  await t.throwsAsync(
    answerOf(connection, invoke(), Buffer.alloc(0), () => undefined),
    { is: lost } as never,
  );
});

test('a silent worker is ended by destroy, once', async (t) => {
  const { connection, result } = await called(t, () => undefined);
  const reasons: string[] = [];
  connection.onLost(({ kind }) => reasons.push(kind));
  connection.destroy();
  connection.destroy();
  const lost = await t.throwsAsync(result, { instanceOf: ConnectionLost });
  t.is(lost.kind, 'destroyed');
  t.deepEqual(reasons, ['destroyed']);
});

/** The longest the event loop was away while `work` ran. */
async function longestPause(work: Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 5);
  await work;
  clearInterval(timer);
  return longest;
}

/** Bytes in a loop, as fast as the host takes them, until the socket is gone. */
function flood(socket: Socket, chunk: Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
    if (!socket.destroyed) socket.once('drain', more);
  };
  more();
}

test.serial(
  'tiny frames by the hundred thousand are slowed and the event loop stays responsive',
  async (t) => {
    const tiny = Buffer.concat(encodeFrame(log('c'), Buffer.from('x')));
    const batch = Buffer.concat(Array.from({ length: 1_000 }, () => tiny));
    let received = 0;
    const { connection, worker } = await pair(t);
    scriptedWorker({ invoke: (_message, { socket }) => flood(socket, batch) })(worker);
    await connection.ready();
    await connection.load(load, () => undefined);
    const begun = performance.now();
    const result = answerOf(connection, invoke(), Buffer.alloc(0), () => (received += 1));
    const enough = new EventEmitter();
    const watch = setInterval(() => {
      if (received > 20_000) enough.emit('enough');
    }, 5);
    const pause = await longestPause(once(enough, 'enough'));
    clearInterval(watch);
    const taken = performance.now() - begun;
    connection.destroy();
    await t.throwsAsync(result);
    t.true(pause < 1_000, `the event loop was away for ${pause} ms`);
    // 2,000 frames each 50 ms, and what one read beyond the limit may hold.
    t.true(taken > 150, `20,000 frames were taken in ${taken} ms`);
  },
);

test.serial('single bytes of one frame are slowed as well', async (t) => {
  const { connection, worker } = await pair(t);
  const bytes = 9_000;
  scriptedWorker({
    invoke: ({ id }, { socket }) => {
      const frame = Buffer.concat(encodeFrame(response(id), Buffer.alloc(bytes)));
      const next = (at: number): void => {
        if (!socket.destroyed && at < frame.length)
          socket.write(frame.subarray(at, at + 1), () => setImmediate(next, at + 1));
      };
      next(0);
    },
  })(worker);
  await connection.ready();
  await connection.load(load, () => undefined);
  const begun = performance.now();
  const { message } = await answerOf(connection, invoke(), Buffer.alloc(0), () => undefined);
  t.is(message.type, 'response');
  t.true(performance.now() - begun > 50);
});
