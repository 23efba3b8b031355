/** Owns the definitions of the commands that authors use: making, deploying, trying and watching a function. */
import type { Command } from 'commander';
import { addCommand, collected, later } from './command.js';

export function authorCommands(program: Command): void {
  addCommand(program, 'init [name]', 'Make a folder with a new function in it.', [
    'glambdar init hello',
    'glambdar init hello --template ts',
    'glambdar create -n hello',
  ])
    .alias('create')
    .option('-t, --template <name>', 'js, esm, ts, faas, lambda or web', 'js')
    .option('-n, --name <name>', "the folder's and the function's name, in place of the argument")
    .option('-r, --runtime <name>', 'the language: node, javascript or typescript')
    .action(later(async () => (await import('../commands/init.js')).init));

  addCommand(program, 'deploy [path]', 'Deploy a folder, or an archive (zip, tar, tar.gz).', [
    'glambdar deploy',
    'glambdar deploy hello --set memoryMb=256 --set timeoutMs=5000',
    'glambdar deploy build/hello.zip --name hello',
  ])
    .alias('build')
    .option('-n, --name <name>', "the function's name (default: the folder's or the archive's)")
    .option('-s, --set <key=value>', 'a setting; may be given several times', collected)
    .action(later(async () => (await import('../commands/deploy.js')).deploy));

  addCommand(
    program,
    'dev [path]',
    'Deploy a folder at every change, and show what its calls print. A server that does not answer is waited for.',
    ['glambdar dev', 'glambdar dev hello'],
  )
    .summary('Deploy a folder at every change, and show what its calls print.')
    .option('-n, --name <name>', "the function's name (default: the folder's)")
    .option('-s, --set <key=value>', 'a setting; may be given several times', collected)
    .action(later(async () => (await import('../commands/dev.js')).dev));

  addCommand(
    program,
    'invoke <name>',
    'Call a function and print its answer. The name may go on with a path and a query. When the call fails, what it printed follows on stderr, and after every call what the server remarked about it; not with --raw or --json.',
    [
      'glambdar invoke hello -d \'{"name":"Ada"}\'',
      'glambdar invoke hello -d @input.json -H "X-Trace: 1"',
      'cat input.json | glambdar invoke hello -d -',
      'glambdar invoke "shop/items?page=2" -X GET -i',
    ],
  )
    .summary('Call a function and print its answer.')
    // What was meant as the body is refused by the command itself, which says how to write it.
    .allowExcessArguments()
    .option('-d, --data <data>', 'the body: text, @file, - for stdin, or the name of an existing .json file')
    .option('-H, --header <line>', 'a header; may be given several times', collected)
    .option('-X, --method <method>', 'the method (default: POST)')
    .option('--raw', "write the answer's bytes as they are, also to a terminal")
    .option('-i, --include', 'print status and headers, too')
    .action(later(async () => (await import('../commands/invoke.js')).invoke));

  addCommand(
    program,
    'logs [name]',
    'Show calls with what they printed: time, start, status, ms, method and path, then the lines.',
    ['glambdar logs hello', 'glambdar logs hello -f', 'glambdar logs --all --since 10m --errors'],
  )
    .option('-n, --name <name>', "the function's name, in place of the argument")
    .option('-a, --all', 'of all functions')
    .option('-f, --follow', 'go on with calls as they end')
    .option('--since <time>', 'calls from then on: 10m, 2h, 3d or an RFC 3339 time')
    .option('--errors', 'failed calls only')
    .option('-l, --limit <count>', 'so many calls, the newest (default: 20)')
    .action(later(async () => (await import('../commands/logs.js')).logs));
}
