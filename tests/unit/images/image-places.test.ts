import test from 'ava';
import {
  ImagePlaces,
  type ContainerPlace,
  type ImagePlacesOptions,
} from '../../../src/images/image-places.js';
import { UidAllocator } from '../../../src/instance/uid-allocator.js';
import { FakeDriver } from '../../helpers/fake-driver.js';
import { ManualClock } from '../../helpers/manual-clock.js';

class Fixture {
  readonly clock = new ManualClock();
  readonly driver = new FakeDriver();
  /** Containers of others. */
  others = 0;
  /** How many calls of others wait. */
  othersWait = 0;
  asked = 0;
  /** What others do when their limits have changed. */
  onChange = (): void => undefined;
  readonly places: ImagePlaces;
  readonly given: { name: string; place: ContainerPlace }[] = [];
  readonly failed: { name: string; error: { code?: string; retryAfterSeconds?: number } }[] = [];

  constructor(options: Partial<ImagePlacesOptions> & { total?: number } = {}) {
    const { total = 10, ...rest } = options;
    this.places = new ImagePlaces({
      most: 2,
      mostStarting: 2,
      maxWaiting: 10,
      queueTimeoutMs: 30_000,
      room: () => total - this.others - this.places.taken,
      limitsChanged: () => {
        this.asked += 1;
        this.onChange();
      },
      othersStarve: () => this.othersWait > 0 && this.others === 0,
      driver: this.driver,
      uids: new UidAllocator(1_000),
      clock: this.clock,
      ...rest,
    });
  }

  /** A call of this flow asks for a place. */
  ask(name: string, signal = new AbortController().signal): void {
    this.places.acquire(name, signal).then(
      (place) => this.given.push({ name, place }),
      (error: { code?: string }) => this.failed.push({ name, error }),
    );
  }

  names(): string {
    return this.given.map(({ name }) => name).join('');
  }
}

/** All promises that can settle have settled. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('calls get places up to the share of images, each with a uid of its own; others wait', async (t) => {
  const fixture = new Fixture();
  for (const name of ['a', 'a', 'a']) fixture.ask(name);
  await settled();
  t.is(fixture.names(), 'aa');
  t.is(new Set(fixture.given.map(({ place }) => place.uid)).size, 2);
  t.is(fixture.places.taken, 2);
  t.is(fixture.places.reserved, 2);
  t.is(fixture.places.gauges().queueLength, 1);
  fixture.given[0]!.place.release();
  fixture.given[0]!.place.release();
  await settled();
  t.is(fixture.names(), 'aaa');
  t.is(fixture.places.taken, 2);
});

test('functions take turns: a flooded one is one turn ahead of another', async (t) => {
  const fixture = new Fixture({ most: 1 });
  for (const name of ['a', 'a', 'a', 'a', 'b']) fixture.ask(name);
  for (let n = 0; n < 5; n += 1) {
    await settled();
    fixture.given[n]!.place.release();
  }
  await settled();
  t.is(fixture.names(), 'abaaa');
});

test('where there is but one place, calls of images and of others take turns', async (t) => {
  const fixture = new Fixture({ most: 1, total: 1 });
  let served = '';
  fixture.onChange = () => {
    // As the pool: it starts a container for a call that waits, when there is a place that nobody has reserved.
    if (fixture.othersWait === 0 || fixture.others > 0 || fixture.places.reserved > 0) return;
    fixture.others = 1;
    fixture.othersWait -= 1;
    served += 'o';
  };
  fixture.othersWait = 3;
  for (let n = 0; n < 4; n += 1) fixture.ask('i');
  for (let n = 0; n < 7; n += 1) {
    await settled();
    if (fixture.others > 0) {
      fixture.others = 0;
      fixture.places.pass();
      fixture.onChange();
    } else {
      served += 'i';
      fixture.given.at(-1)!.place.release();
    }
  }
  t.is(served, 'ioioioi');
});

test('a place that others do not take after all goes to the next call', async (t) => {
  const fixture = new Fixture({ most: 1, total: 1 });
  fixture.othersWait = 3;
  for (const name of ['a', 'b']) fixture.ask(name);
  await settled();
  fixture.given[0]!.place.release();
  await settled();
  t.is(fixture.names(), 'ab');
});

test('no more containers are started at once than may be, and a start that ended lets the next begin', async (t) => {
  const fixture = new Fixture({ most: 5, mostStarting: 1 });
  for (const name of ['a', 'b']) fixture.ask(name);
  await settled();
  t.is(fixture.names(), 'a');
  fixture.given[0]!.place.started();
  await settled();
  t.is(fixture.names(), 'ab');
});

test('a call waits for room that others have, asks for it, and reserves it', async (t) => {
  const fixture = new Fixture({ total: 4 });
  fixture.others = 4;
  fixture.ask('a');
  await settled();
  t.is(fixture.names(), '');
  t.is(fixture.asked, 1);
  t.is(fixture.places.reserved, 1);
  fixture.others = 3;
  fixture.places.pass();
  await settled();
  t.is(fixture.names(), 'a');
});

test('a call that cannot wait is refused with when to try again, and one that waited too long, too', async (t) => {
  const fixture = new Fixture({ most: 1, maxWaiting: 2 });
  for (const name of ['a', 'a', 'b', 'c', 'd']) fixture.ask(name);
  await settled();
  t.is(fixture.names(), 'a');
  t.true(fixture.failed.length > 0);
  for (const { error } of fixture.failed) {
    t.is(error.code, 'AT_CAPACITY');
    t.true(error.retryAfterSeconds! >= 1);
  }
  const refused = fixture.failed.length;
  fixture.clock.move(30_000);
  await settled();
  t.is(fixture.failed.length, 4);
  t.true(refused < 4);
  t.is(fixture.places.gauges().queueLength, 0);
});

test('a call whose caller has gone gives its turn up', async (t) => {
  const fixture = new Fixture({ most: 1 });
  const gone = new AbortController();
  fixture.ask('a');
  fixture.ask('b', gone.signal);
  fixture.ask('c');
  await settled();
  gone.abort();
  fixture.given[0]!.place.release();
  await settled();
  t.is(fixture.names(), 'ac');
  t.is(fixture.failed.length, 1);
});

test('while the driver is away calls are refused, waiting ones too; while the server stops as well', async (t) => {
  const fixture = new Fixture({ most: 1 });
  for (const name of ['a', 'a']) fixture.ask(name);
  await settled();
  fixture.driver.setHealth({ available: false, reason: 'gone' });
  await settled();
  t.is(fixture.failed[0]?.error.code, 'DRIVER_UNAVAILABLE');
  t.throws(() => fixture.places.assertAdmits('a'), { code: 'DRIVER_UNAVAILABLE' } as never);
  fixture.driver.setHealth({ available: true });
  fixture.ask('a');
  fixture.places.drain();
  await settled();
  t.is(fixture.failed[1]?.error.code, 'STOPPING');
  t.throws(() => fixture.places.assertAdmits('a'), { code: 'STOPPING' } as never);
});
