import test from 'ava';
import { systemClock } from '../../../src/clock.js';
import { WaitingRoom } from '../../../src/turns/waiting-room.js';
import { Queue } from '../../../src/turns/queue.js';
import type { WaitingRoomOptions } from '../../../src/turns/waiting-room.js';

function waitingRoom({
  maxWaiting = 3,
  ...options
}: Partial<WaitingRoomOptions> & { maxWaiting?: number } = {}): { room: WaitingRoom; queue: Queue } {
  const queue = new Queue();
  const given = {
    available: () => true,
    limits: { maxInstances: 1, maxStarting: 1, maxRefilling: 2, placesForCalls: 0, maxWaiting },
    clock: systemClock,
    queueTimeoutMs: 30_000,
    ...options,
    queue,
  };
  return { room: new WaitingRoom(given), queue };
}

function wait(queue: Queue, flow: string, count: number): void {
  for (let n = 0; n < count; n += 1) queue.add({ arrivedAt: 0 } as never, flow);
}

test('it is open until it is closed', (t) => {
  const { room: door } = waitingRoom();
  t.notThrows(() => door.assertOpen());
  t.false(door.closed);
  door.close();
  t.true(door.closed);
  t.throws(() => door.assertOpen(), { code: 'STOPPING' } as never);
});

test('nobody is let in while the driver is away, and somebody is when it is back', (t) => {
  let available = false;
  const { room: door } = waitingRoom({ available: () => available });
  t.throws(() => door.assertOpen(), { code: 'DRIVER_UNAVAILABLE' } as never);
  available = true;
  t.notThrows(() => door.assertOpen());
  available = false;
  door.close();
  t.throws(() => door.assertOpen(), { code: 'STOPPING' } as never, 'stopping is what it says first');
});

test('as many wait as may, beyond those an instance is on its way for', (t) => {
  const { room: door, queue } = waitingRoom();
  wait(queue, 'a', 2);
  t.false(door.admits('a'), 'a flow leaves room for others');
  t.true(door.admits('b'));
  wait(queue, 'b', 1);
  t.false(door.admits('c'));
  door.provided = 2;
  t.true(door.admits('c'));
});

test('who cannot be served in time is refused and told when to come again', (t) => {
  const { room: door, queue } = waitingRoom({ maxWaiting: 1_000, queueTimeoutMs: 1_000 });
  wait(queue, 'a', 40);
  t.false(door.admits('a'));
  t.like(door.refusal('a'), { code: 'AT_CAPACITY', retryAfterSeconds: 3 });
  t.like(door.refusal('b'), { retryAfterSeconds: 1 });
  t.like(door.late('a'), {
    code: 'AT_CAPACITY',
    message: 'The call waited 1000 ms for a free container; try again later.',
    retryAfterSeconds: 3,
  });
});
