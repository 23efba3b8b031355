import { setTimeout as sleep } from 'node:timers/promises';
import { integration } from '../helpers/integration.js';
import { ServerProcess } from '../helpers/server-process.js';

/** Runs the command that follows under a pseudo-terminal. */
const underTerminal: [string, ...string[]] = [
  'bash',
  '-c',
  'exec script --quiet --return --flush --command "exec $(printf "%q " "$@")" /dev/null',
  'under-terminal',
];

integration('a server at a terminal tells in words of deploys, failed calls and refusals', async (t) => {
  const server = await ServerProcess.start({ wrapper: underTerminal });
  t.teardown(() => server.destroy());
  const failing =
    "exports.handler = async () => { console.log('on my way'); throw new Error('no such key'); };";
  await server.deploy('todo', { 'index.js': failing });
  t.is((await server.invoke('todo')).status, 500);
  t.is((await server.invoke('unknown')).status, 404);
  for (let tries = 0; tries < 100 && !server.stdout.includes('refused'); tries += 1) await sleep(100);
  t.regex(server.stdout, /^\d\d:\d\d:\d\d {2}todo: version 1 is in force\r?$/m);
  t.regex(
    server.stdout,
    /^\S+ {2}todo failed with 500 after \d+ ms \(\w+ \/invoke\/todo\): no such key\r?\n {11}\| on my way\r?$/m,
  );
  t.regex(server.stdout, /^\S+ {2}refused a request \(FUNCTION_NOT_FOUND\): Function not found!\r?$/m);
  t.notRegex(server.stdout, /^\{/m);
  t.is(server.stdout.match(/ready/g)?.length, 1, 'said once');
});
