import test from 'ava';
import { Command } from 'commander';
import { ConfigError } from '../../../src/config.js';
import { CONFIG_VARIABLES } from '../../../src/config-variables.js';
import { CliError } from '../../../src/cli/cli-error.js';
import { addConfigFlags, flagErrorOf, flagOf, variablesOf } from '../../../src/cli/config-flags.js';

test('every variable has a flag that sets it, and only flags that are given count', (t) => {
  const command = addConfigFlags(new Command());
  const given = CONFIG_VARIABLES.map(({ name }, index) => [name, String(index)] as [string, string]);
  command.parse(
    given.map(([name, value]) => `${flagOf(name)}=${value}`),
    { from: 'user' },
  );
  t.deepEqual(variablesOf(command.opts()), given);
  t.deepEqual(variablesOf(addConfigFlags(new Command()).parse([], { from: 'user' }).opts()), []);
  t.is(flagOf('GLAMBDAR_MAX_ZIP_MB'), '--max-zip-mb');
  t.is(flagOf('DOCKER_HOST'), '--docker-host');
});

test('a flag that is left out is unknown', (t) => {
  const command = addConfigFlags(
    new Command().exitOverride().configureOutput({ writeErr: () => undefined }),
    ['GLAMBDAR_DIR'],
  );
  t.throws(() => command.parse(['--dir', 'x'], { from: 'user' }), { message: /unknown option '--dir'/ });
});

test('help has no marks of Markdown', (t) => {
  const help = addConfigFlags(new Command()).helpInformation();
  t.regex(help, /on: every request needs a token or a key/);
  t.notRegex(help, /\]\(|`/);
});

test('an error of the configuration names the flag that was given, and no other variable', (t) => {
  const error = new ConfigError('GLAMBDAR_PORT is "x"; expected a whole number.');
  const named = flagErrorOf(error, [['GLAMBDAR_PORT', 'x']]);
  t.true(named instanceof CliError);
  t.is(named?.message, '--port is "x"; expected a whole number.');
  t.is(named?.exitCode, 2);
  t.is(flagErrorOf(error, [['GLAMBDAR_HOST', 'x']]), null);
  t.is(flagErrorOf(new Error('GLAMBDAR_PORT is wrong'), [['GLAMBDAR_PORT', 'x']]), null);
});
