/** Owns the definitions of the commands for the machine a server runs on. */
import type { Command } from 'commander';
import type { ServiceOptions } from '../commands/service.js';
import { CONFIG_VARIABLES } from '../../config-variables.js';
import { addCommand, later } from './command.js';

/** `GLAMBDAR_MAX_ZIP_MB` as the flag `--max-zip-mb`. */
export function flagOf(variable: string): string {
  return `--${variable
    .replace(/^GLAMBDAR_/, '')
    .toLowerCase()
    .replaceAll('_', '-')}`;
}

export function machineCommands(program: Command): void {
  const start = program
    .command('start')
    .description(
      'Run a server here. Every flag is a variable of docs/configuration.md, which may be set in the environment instead.',
    );
  for (const { name, value, fallback, meaning } of CONFIG_VARIABLES)
    start.option(`${flagOf(name)} <${value}>`, `${plain(meaning)} (default: ${plain(fallback)}; ${name})`);
  start
    .addHelpText(
      'after',
      '\nExamples:\n  glambdar start\n  glambdar start --port 9000 --dir /var/lib/glambdar',
    )
    .action(later(async () => (await import('../commands/start.js')).start));

  const data = ['--dir <dir>', "the server's data directory (default: as for start; GLAMBDAR_DIR)"] as const;
  program
    .command('backup <file>')
    .description(
      'Write functions, accounts, secrets and records of calls to a file. The server may be running.',
    )
    .option(...data)
    .option('--force', 'write over a file that is there')
    .addHelpText('after', '\nExamples:\n  glambdar backup glambdar.backup --dir /var/lib/glambdar')
    .action(
      later(async () => {
        const { backup } = await import('../commands/backup.js');
        return backup;
      }),
    );
  program
    .command('restore <file> <directory>')
    .description('Fill a directory, which is missing or empty, from a backup.')
    .addHelpText('after', '\nExamples:\n  glambdar restore glambdar.backup /var/lib/glambdar-restored')
    .action(
      later(async () => {
        const { restore } = await import('../commands/backup.js');
        return restore;
      }),
    );

  addCommand(
    program,
    'doctor',
    'Check this machine and the server on it: a line for each check, with a remedy where one fails.',
    ['glambdar doctor', 'glambdar doctor --json'],
  )
    .option('--docker-host <url>', 'the Docker daemon (default: DOCKER_HOST, else /var/run/docker.sock)')
    .option(
      '--image <image>',
      'the image that functions run in (default: GLAMBDAR_IMAGE, else the one the server built)',
    )
    .action(later(async () => (await import('../commands/doctor.js')).doctor));

  const service = program.command('service').description('Run the server as a systemd service.');
  for (const verb of ['install', 'uninstall'] as const) {
    const command = service
      .command(verb)
      .description(
        verb === 'install' ? 'Write the unit and start it.' : 'Stop the service and remove its unit.',
      )
      .option('--print', 'print what would be written or run, and change nothing')
      .addHelpText(
        'after',
        `\nExamples:\n  sudo glambdar service ${verb}\n  glambdar service ${verb} --print`,
      );
    if (verb === 'install')
      command
        .option('--dir <dir>', 'the data directory', '/var/lib/glambdar')
        .option('--port <port>', 'the port', '8000')
        .option('--nice <level>', "the server's priority, from -20 to 19", '-5');
    command.action(
      later(async () => {
        const { service } = await import('../commands/service.js');
        return (options: ServiceOptions) => service(verb, options);
      }),
    );
  }

  program
    .command('completion <shell>')
    .description('Print completions for bash, zsh or fish.')
    .addHelpText(
      'after',
      '\nExamples:\n  eval "$(glambdar completion bash)"\n  glambdar completion fish > ~/.config/fish/completions/glambdar.fish',
    )
    .action(
      later(async () => {
        const { completion } = await import('../commands/completion.js');
        return (shell: string) => completion(shell, program);
      }),
    );
}

/** Markdown's marks taken away. */
function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}
