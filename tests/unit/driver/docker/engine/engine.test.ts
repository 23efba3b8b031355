import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import test from 'ava';
import { Engine } from '../../../../../src/driver/docker/engine/engine.js';

test('a request is never printed with the sockets of its agent, which takes longer than the request', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'glambdar-engine-'));
  const socketPath = join(directory, 'docker.sock');
  const daemon = createServer((_request, response) => void response.end('OK')).listen(socketPath);
  await once(daemon, 'listening');
  const engine = new Engine({ socketPath });
  let printed = 0;
  const count = { value: () => `printed ${(printed += 1)}`, configurable: true };
  Object.defineProperty(Socket.prototype, inspect.custom, count);
  t.teardown(() => {
    Reflect.deleteProperty(Socket.prototype, inspect.custom);
    engine.close();
    daemon.close();
    rmSync(directory, { recursive: true, force: true });
  });
  for (let request = 0; request < 3; request += 1) await engine.ping();
  t.is(printed, 0);
});
