import test from 'ava';
import { CliError, EXIT } from '../../../src/cli/cli-error.js';
import { setSecret } from '../../../src/cli/commands/secrets.js';

test('a secret whose value is written behind its name is not sent, and not said again', async (t) => {
  const error = await t.throwsAsync(setSecret('hello', 'KEY=canary', 'x', {}), { instanceOf: CliError });
  t.is(error.exitCode, EXIT.usage);
  t.regex(error.message, /give the name alone/);
  t.notRegex(error.message, /canary/);
});
