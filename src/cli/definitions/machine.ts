/** Owns the definitions of the commands for the machine a server runs on. */
import { Argument, type Command } from 'commander';
import type { ServiceOptions } from '../commands/service.js';
import { addConfigFlags } from '../config-flags.js';
import { addCommand, JSON_OPTION, later } from './command.js';

export function machineCommands(program: Command): void {
  addConfigFlags(
    program
      .command('start')
      .description(
        'Run a server here. Every flag is a variable of docs/configuration.md, which may be set in the environment instead.',
      ),
  )
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
    .option(...JSON_OPTION)
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
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExamples:\n  glambdar restore glambdar.backup /var/lib/glambdar-restored')
    .action(
      later(async () => {
        const { restore } = await import('../commands/backup.js');
        return restore;
      }),
    );
  program
    .command('reset-key')
    .description(
      'End the admin keys that belong to no user, and print a new one. The server may be running, or not.',
    )
    .option(...data)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExamples:\n  glambdar reset-key --dir /var/lib/glambdar')
    .action(later(async () => (await import('../commands/backup.js')).resetKey));

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
        verb === 'install'
          ? 'Write the unit and start it, with the flags of start.'
          : 'Stop the service and remove its unit. Its data stays.',
      )
      .option('--print', 'print what would be written or run, and change nothing')
      .option(...JSON_OPTION)
      .addHelpText(
        'after',
        `\nExamples:\n  sudo glambdar service ${verb}${verb === 'install' ? ' --port 9000 --auth on' : ''}\n  glambdar service ${verb} --print`,
      );
    if (verb === 'install')
      addConfigFlags(
        command
          .option('--nice <level>', "the server's priority, from -20 to 19", '-5')
          .option('--dir <dir>', 'the data directory', '/var/lib/glambdar'),
        // Everybody may read a unit: no secret belongs there.
        ['GLAMBDAR_DIR', 'GLAMBDAR_TOKEN_SECRET'],
      );
    command.action(
      later(async () => {
        const { service } = await import('../commands/service.js');
        return (options: ServiceOptions) => service(verb, options);
      }),
    );
  }

  program
    .command('completion')
    .description('Print completions for bash, zsh or fish.')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      '\nExamples:\n  eval "$(glambdar completion bash)"\n  eval "$(glambdar completion zsh)"\n  glambdar completion fish > ~/.config/fish/completions/glambdar.fish',
    )
    .action(
      later(async () => {
        const { completion } = await import('../commands/completion.js');
        return (shell: string) => completion(shell, program);
      }),
    );
}
