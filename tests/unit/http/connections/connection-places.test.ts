import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { sharedPlaces } from '../../../../src/http/connections/connection-places.js';
import { startServer, turns } from '../server-fixture.js';

/** Takes all that there are. */
function exhaust({ take }: { take(): boolean }): number {
  let taken = 0;
  while (take()) taken += 1;
  return taken;
}

test('both listeners together have the places that there are, and visitors leave some to the operator', (t) => {
  const { control, functions } = sharedPlaces(1024);
  t.is(exhaust(functions), 960);
  t.is(exhaust(control), 64);
  functions.give();
  t.true(control.take());
  t.false(functions.take());
  for (let place = 0; place < 65; place += 1) control.give();
  t.is(exhaust(functions), 1, 'places come back to whoever asks');
});

test('the API alone may have all places', (t) => {
  t.is(exhaust(sharedPlaces(10).control), 10);
  t.is(exhaust(sharedPlaces(10).functions), 8);
  t.is(exhaust(sharedPlaces(1).control), 1);
});

test('a connection for which there is no place is closed, and a closed connection leaves its place', async (t) => {
  const places = sharedPlaces(8).control;
  const { port, url } = await startServer(t, { server: { places } });
  const sockets = Array.from({ length: 8 }, () => connect(port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const late = connect(port, '127.0.0.1').on('error', () => undefined);
  late.resume();
  await once(late, 'close');
  const [first] = sockets;
  first!.resume().destroy();
  await once(first!, 'close');
  await turns(20);
  t.is((await fetch(`${url}/healthz`)).status, 200);
  for (const socket of sockets) socket.destroy();
});
