import test from 'ava';
import { authorizationFor, parseNpmrc } from '../../../src/install/npmrc.js';

const none = (): undefined => undefined;

test('lines of npmrc files are read as npm does; later files win', (t) => {
  const text = '; comment\n# comment\n[section]\n a = 1 \nb="x y"\nc\n//r.example/:_authToken=tok=en\r\n';
  t.deepEqual(
    [...parseNpmrc([text, 'a=2'], none)],
    [
      ['a', '2'],
      ['b', 'x y'],
      ['//r.example/:_authToken', 'tok=en'],
    ],
  );
});

test('variables are replaced; unknown ones stay, or become empty with a question mark', (t) => {
  const variable = (name: string) => (name === 'TOKEN' ? 'secret' : undefined);
  const settings = parseNpmrc(
    ['a=$(TOKEN)\nb=$(NOPE)\nc=x$(NOPE?)y\n//$(TOKEN)/:k=1'.replaceAll('(', '{').replaceAll(')', '}')],
    variable,
  );
  t.is(settings.get('a'), 'secret');
  t.is(settings.get('b'), '$' + '{NOPE}');
  t.is(settings.get('c'), 'xy');
  t.is(settings.get('//secret/:k'), '1');
});

const registry = new URL('https://r.example:8443/npm/team/');
const password = Buffer.from('p').toString('base64');
const basic = `Basic ${Buffer.from('u:p').toString('base64')}`;
const found: [what: string, text: string, header: string | null][] = [
  ['of the registry', '//r.example:8443/npm/team/:_authToken=t', 'Bearer t'],
  ['without the last slash', '//r.example:8443/npm/team:_authToken=t', 'Bearer t'],
  ['of a path above', '//r.example:8443/npm/:_authToken=t', 'Bearer t'],
  ['of the host', '//r.example:8443/:_authToken=t', 'Bearer t'],
  ['nearest first', '//r.example:8443/:_authToken=far\n//r.example:8443/npm/team/:_authToken=t', 'Bearer t'],
  ['as a user', `//r.example:8443/:username=u\n//r.example:8443/:_password=${password}`, basic],
  ['encoded', '//r.example:8443/:_auth=dTpw', 'Basic dTpw'],
  ['of another host', '//other.example:8443/npm/team/:_authToken=t', null],
  ['of another port', '//r.example/npm/team/:_authToken=t', null],
  ['of a path beside', '//r.example:8443/npm/team2/:_authToken=t', null],
  ['of no host', '_authToken=t\n_auth=t', null],
];
for (const [what, text, header] of found) {
  test(`credentials ${what} are ${header === null ? 'not ' : ''}sent`, (t) => {
    t.is(authorizationFor(registry, parseNpmrc([text], none)), header);
  });
}
