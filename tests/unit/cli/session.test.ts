/** Which server a command speaks to and as whom: by options, variables of the environment and the file of profiles. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CliError } from '../../../src/cli/cli-error.js';
import { connectionOf, serverToSignInTo, type CommonOptions } from '../../../src/cli/session.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

const WORK = { server: 'https://work.example', token: 'work-token', email: 'ada@example.org' };
const OWN = { server: 'http://127.0.0.1:8000', token: 'own-token', email: null };

/** Sets the variables, and writes the file of profiles, whose text or value is given. @returns its path */
function surroundings(
  t: ExecutionContext,
  variables: Record<string, string> = {},
  profiles: unknown = { default: OWN, work: WORK },
  mode = 0o600,
): string {
  const folder = temporaryDirectory(t);
  for (const name of ['GLAMBDAR_URL', 'GLAMBDAR_TOKEN', 'GLAMBDAR_PROFILE']) delete process.env[name];
  Object.assign(process.env, { XDG_CONFIG_HOME: folder }, variables);
  const path = join(folder, 'glambdar/profiles.json');
  mkdirSync(join(folder, 'glambdar'));
  writeFileSync(path, typeof profiles === 'string' ? profiles : JSON.stringify(profiles));
  chmodSync(path, mode);
  return path;
}

function refused(t: ExecutionContext, options: CommonOptions): string {
  const error = t.throws(() => connectionOf(options), { instanceOf: CliError });
  t.is(error?.exitCode, 2);
  return error?.message ?? '';
}

test('the server is that of --server, else of --profile, else of GLAMBDAR_URL, else of the profile', (t) => {
  const cases: [
    options: CommonOptions,
    variables: Record<string, string>,
    server: string,
    token: string | null,
  ][] = [
    [{}, {}, OWN.server, OWN.token],
    [{ server: 'http://other.example/' }, {}, 'http://other.example', null],
    [{ server: WORK.server, profile: 'work' }, {}, WORK.server, WORK.token],
    [{ profile: 'work' }, {}, WORK.server, WORK.token],
    [{}, { GLAMBDAR_PROFILE: 'work' }, WORK.server, WORK.token],
    [{ profile: 'default' }, { GLAMBDAR_PROFILE: 'work' }, OWN.server, OWN.token],
    [{}, { GLAMBDAR_URL: 'http://other.example' }, 'http://other.example', null],
    [{}, { GLAMBDAR_URL: OWN.server, GLAMBDAR_TOKEN: 'given' }, OWN.server, 'given'],
    [{}, { GLAMBDAR_URL: WORK.server, GLAMBDAR_PROFILE: 'work' }, WORK.server, WORK.token],
    // A profile that the command line names is stronger than variables, and no token goes to a server that it is not of.
    [
      { profile: 'work' },
      { GLAMBDAR_URL: 'http://other.example', GLAMBDAR_TOKEN: 'given' },
      WORK.server,
      WORK.token,
    ],
    // Empty variables are none.
    [{}, { GLAMBDAR_URL: '', GLAMBDAR_PROFILE: '', GLAMBDAR_TOKEN: '' }, OWN.server, OWN.token],
  ];
  for (const [options, variables, server, token] of cases) {
    surroundings(t, variables);
    t.deepEqual(connectionOf(options), { server, token }, JSON.stringify({ options, variables }));
  }
});

test('a profile that is named and does not exist is refused with those there are, whatever else is set', (t) => {
  const cases: [options: CommonOptions, variables: Record<string, string>][] = [
    [{ profile: 'nope' }, {}],
    [{ profile: 'nope' }, { GLAMBDAR_URL: OWN.server }],
    [{ profile: 'nope', server: OWN.server }, { GLAMBDAR_TOKEN: 'given' }],
    [{}, { GLAMBDAR_PROFILE: 'nope' }],
    [{ server: OWN.server }, { GLAMBDAR_PROFILE: 'nope', GLAMBDAR_URL: OWN.server }],
  ];
  for (const [options, variables] of cases) {
    surroundings(t, variables);
    t.is(
      refused(t, options),
      'There is no profile "nope"; there are default, work. ' +
        '`glambdar login --profile nope --server URL` makes it.',
    );
  }
  // Names of what every object has are no profiles.
  for (const profile of ['constructor', '__proto__', 'toString', '']) {
    surroundings(t, { GLAMBDAR_URL: OWN.server });
    t.regex(refused(t, { profile }), /^There is no profile "/, profile);
  }
  surroundings(t, {}, {});
  t.regex(refused(t, { profile: 'work' }), /^There is no profile "work"; there are none\. /);
});

test('--profile and --server that name two servers are refused: the token would go to neither', (t) => {
  surroundings(t);
  t.is(
    refused(t, { profile: 'work', server: 'http://other.example' }),
    'The profile "work" is of https://work.example, and --server names http://other.example. Leave one of the two away, or sign in there: ' +
      '`glambdar login --profile work --server http://other.example`.',
  );
});

test('signing in makes a profile, for the server that is named, else for the one it had', (t) => {
  const cases: [options: CommonOptions, variables: Record<string, string>, server: string][] = [
    [{ profile: 'new', server: 'http://other.example/' }, {}, 'http://other.example'],
    [{ profile: 'work', server: 'http://other.example' }, {}, 'http://other.example'],
    [{ profile: 'new' }, { GLAMBDAR_URL: 'http://other.example' }, 'http://other.example'],
    [{ profile: 'work' }, { GLAMBDAR_URL: 'http://other.example' }, WORK.server],
    [{}, { GLAMBDAR_PROFILE: 'new', GLAMBDAR_URL: 'http://other.example' }, 'http://other.example'],
    [{}, {}, OWN.server],
  ];
  for (const [options, variables, server] of cases) {
    surroundings(t, variables);
    t.is(serverToSignInTo(options), server, JSON.stringify({ options, variables }));
  }
  surroundings(t);
  t.throws(() => serverToSignInTo({ profile: 'new' }), { message: /^There is no profile "new"; / });
});

test('a file of profiles that others may read, or that is damaged, is refused with what to do', (t) => {
  for (const mode of [0o644, 0o640, 0o604, 0o660]) {
    const path = surroundings(t, { GLAMBDAR_URL: OWN.server }, { default: OWN }, mode);
    t.is(
      refused(t, {}),
      `${path} holds tokens and may be read by others (mode 0${mode.toString(8)}); run \`chmod 600 ${path}\`.`,
    );
  }
  for (const damaged of [
    '',
    '{',
    'null',
    '[]',
    '"text"',
    '{"default":null}',
    '{"default":{}}',
    '{"default":{"server":"no url"}}',
    '{"default":{"server":"ftp://a.example"}}',
    '{"default":{"server":"http://a.example","token":5}}',
    '{"default":{"server":"http://a.example","token":"a\\nb"}}',
  ]) {
    const path = surroundings(t, { GLAMBDAR_URL: OWN.server }, damaged);
    t.is(refused(t, {}), `${path} is damaged; remove it and sign in again.`, damaged);
  }
});
