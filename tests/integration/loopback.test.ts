/** What a container without a network has in its place: a loopback of its own, `localhost`, a name for its user; no more. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Dockerode from 'dockerode';
import { integration } from '../helpers/integration.js';
import { ProbeDriver, slotOf } from '../helpers/probe-driver.js';

/** Serves on a host and asks it, all in one container. */
const roundTrip = (host: string): string => `
  const server = require('http').createServer((_, response) => response.end('reached'));
  await new Promise((ok, no) => server.on('error', no).listen(0, ${JSON.stringify(host)}, ok));
  const { port } = server.address();
  const address = ${JSON.stringify(host)}.includes(':') ? '[${host}]' : '${host}';
  const text = await (await fetch('http://' + address + ':' + port)).text();
  server.close();
  server.closeAllConnections();
  return text;`;

/** How connecting fails, and within how many ms. */
const failure = (host: string): string => `
  const startedAt = performance.now();
  const code = await new Promise((ok) => require('net').connect({ host: '${host}', port: 80 }).on('error', ({ code }) => ok(code)));
  return [code, performance.now() - startedAt];`;

integration('without a network a program serves and asks itself by every name of the loopback', async (t) => {
  const probe = await (await ProbeDriver.open(t)).start();
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost'])
    t.is(await probe.evaluate(roundTrip(host)), 'reached', host);
  const datagram = `
    const socket = require('dgram').createSocket('udp4');
    await new Promise((ok) => socket.bind(0, '127.0.0.1', ok));
    socket.send('reached', socket.address().port, 'localhost');
    const [message] = await require('events').once(socket, 'message');
    socket.close();
    return String(message);`;
  t.is(await probe.evaluate(datagram), 'reached');
  t.regex(
    (await probe.evaluate(`return (await require('dns/promises').lookup('localhost')).address`)) as string,
    /^(127\.0\.0\.1|::1)$/,
  );
});

integration(
  'without a network every other address is unreachable at once, and every other name unknown at once',
  async (t) => {
    const probe = await (await ProbeDriver.open(t)).start();
    for (const host of [
      '192.0.2.1',
      '172.17.0.1',
      '10.0.0.1',
      '169.254.169.254',
      '2001:db8::1',
      '::ffff:192.0.2.1',
      'fe80::1%lo',
    ]) {
      const [code, ms] = (await probe.evaluate(failure(host))) as [string, number];
      t.is(code, 'ENETUNREACH', host);
      t.true(ms < 500, `${host}: ${ms} ms`);
    }
    for (const resolve of ['lookup', 'resolve4']) {
      const startedAt = performance.now();
      await t.throwsAsync(probe.evaluate(`await require('dns/promises').${resolve}('example.com')`), {
        message: /EAI_AGAIN|ENOTFOUND|ECONNREFUSED/,
      });
      t.true(performance.now() - startedAt < 500, resolve);
    }
  },
);

integration(
  "a container's loopback is not reached from another container, nor the host's from any",
  async (t) => {
    const probes = await ProbeDriver.open(t);
    const [one, other] = await Promise.all([probes.start(), probes.start()]);
    const listen = `
    const server = require('net').createServer(() => undefined);
    await new Promise((ok) => server.listen(8080, '0.0.0.0', ok));
    globalThis.kept = server;`;
    await one.evaluate(listen);
    const connect = `return await new Promise((ok) => require('net').connect(8080, '127.0.0.1', () => ok('connected')).on('error', ({ code }) => ok(code)))`;
    t.is(await one.evaluate(connect), 'connected');
    t.is(await other.evaluate(connect), 'ECONNREFUSED');
  },
);

integration('a resolver that waits for its answers (musl) gives up at once, too', async (t) => {
  if (!existsSync('/usr/bin/musl-gcc')) {
    t.log('skipped: this machine has no musl-gcc');
    return t.pass();
  }
  const probes = await ProbeDriver.open(t);
  const source = join(probes.directory, 'lookup.c');
  writeFileSync(
    source,
    '#include <netdb.h>\n#include <stdio.h>\nint main(int n, char **v) { struct addrinfo *a; return printf("%s", n > 1 && getaddrinfo(v[1], 0, 0, &a) ? "fails" : "found") < 0; }',
  );
  execFileSync('/usr/bin/musl-gcc', ['-static', '-o', join(probes.directory, 'lookup'), source]);
  const spec = probes.spec();
  mkdirSync(join(slotOf(spec), 'function'));
  copyFileSync(join(probes.directory, 'lookup'), join(slotOf(spec), 'function/lookup'));
  const probe = await probes.start(spec);
  const lookup = (name: string): Promise<unknown> =>
    probe.evaluate(
      `return require('child_process').execFileSync('/slot/function/lookup', ['${name}'], { encoding: 'utf8' })`,
    );
  const startedAt = performance.now();
  t.is(await lookup('example.com'), 'fails');
  t.true(performance.now() - startedAt < 1_000);
  t.is(await lookup('localhost'), 'found');
});

integration('the user of a worker has a name, in the built-in image and in a chosen one', async (t) => {
  const docker = new Dockerode({ socketPath: '/var/run/docker.sock' });
  const builtIn = await ProbeDriver.open(t);
  // Another image, whose /etc/passwd is a file that does not know the uid.
  const maker = await docker.createContainer({
    Image: (await docker.listImages({ filters: { label: ['glambdar.image=base'] } }))[0]!.Id,
    Entrypoint: [
      'node',
      '-e',
      "fs.rmSync('/etc/passwd'); fs.writeFileSync('/etc/passwd', 'root:x:0:0:root:/:/bin/sh\\n')",
    ],
  });
  await maker.start();
  await maker.wait();
  await maker.commit({ repo: 'glambdar-test/chosen', tag: 'latest' });
  await maker.remove();
  t.teardown(() => docker.getImage('glambdar-test/chosen').remove({ force: true }));
  const chosen = await ProbeDriver.open(t, {}, { type: 'reference', reference: 'glambdar-test/chosen' });
  for (const probes of [builtIn, chosen]) {
    const spec = probes.spec();
    const probe = await probes.start(spec);
    t.like(await probe.evaluate(`return require('os').userInfo()`), {
      uid: spec.user.uid,
      gid: spec.user.gid,
      username: 'function',
      homedir: '/tmp',
    });
  }
});
