import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { RegistryLogins, registryOf } from '../../../../../src/driver/docker/image/registry-logins.js';
import { temporaryDirectory } from '../../../../helpers/temporary-directory.js';

function logins(t: ExecutionContext, content: unknown): { logins: RegistryLogins; warned: unknown[] } {
  const file = join(temporaryDirectory(t), 'config.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  const warned: unknown[] = [];
  const logger = { warn: (...entry: unknown[]) => void warned.push(entry) };
  return { logins: new RegistryLogins({ file, logger }), warned };
}

const basic = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString('base64') });

test('the registry of a reference is its host, or Docker Hub', (t) => {
  for (const [reference, registry] of [
    ['busybox', 'docker.io'],
    ['owner/name:1.2', 'docker.io'],
    ['ghcr.io/owner/name', 'ghcr.io'],
    ['localhost/a', 'localhost'],
    ['registry:5000/a', 'registry:5000'],
  ] as const)
    t.is(registryOf(reference), registry);
});

test('a registry gets its own login and no other, in every form of the file', (t) => {
  const { logins: all } = logins(t, {
    auths: {
      'a.test': basic('ada:se:cret'),
      'https://b.test': { username: 'bob', password: 'p' },
      'c.test:5000': { identitytoken: 'token', ...basic('x:y') },
      'https://index.docker.io/v1/': basic('hub:p'),
      'd.test': { auth: 'bm9jb2xvbg==' },
      'e.test': {},
    },
  });
  t.deepEqual(all.of('a.test/x'), { username: 'ada', password: 'se:cret', serveraddress: 'a.test' });
  t.deepEqual(all.of('b.test/x'), { username: 'bob', password: 'p', serveraddress: 'b.test' });
  t.deepEqual(all.of('c.test:5000/x'), { identitytoken: 'token', serveraddress: 'c.test:5000' });
  t.like(all.of('busybox'), { username: 'hub' });
  for (const reference of ['c.test/x', 'd.test/x', 'e.test/x', 'a.test.evil/x', 'nobody.test/x'])
    t.is(all.of(reference), undefined, reference);
});

test('without a file, or with one that cannot be read, there is no login', (t) => {
  const missing = new RegistryLogins({ file: '/nowhere/config.json', logger: console });
  t.is(missing.of('a.test/x'), undefined);
  t.is(new RegistryLogins({ file: null, logger: console }).of('a.test/x'), undefined);
  t.is(logins(t, {}).logins.of('a.test/x'), undefined);
  const { logins: broken, warned } = logins(t, 'no JSON');
  t.is(broken.of('a.test/x'), undefined);
  t.is(warned.length, 1);
});
