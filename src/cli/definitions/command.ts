/** Owns what every command has in common: the options that choose a server, and examples below its help. */
import type { Command, CommandOptions } from 'commander';

/** The option of every command that has a result which a program may want. */
export const JSON_OPTION = ['--json', 'print JSON for programs'] as const;

/** A new command of the parent with the common options. @param usage such as `info <name>` */
export function addCommand(
  parent: Command,
  usage: string,
  description: string,
  examples: string[],
  options: CommandOptions = {},
): Command {
  return parent
    .command(usage, options)
    .description(description)
    .option(
      '--server <url>',
      "the server to speak to (default: that of --profile, else GLAMBDAR_URL, else the default profile's, else http://127.0.0.1:8000)",
    )
    .option('--profile <name>', 'the profile to use (default: GLAMBDAR_PROFILE, else "default")')
    .option('--namespace <id>', 'the namespace to act in, for admins: the UUID of a user, or default')
    .option(...JSON_OPTION)
    .addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`);
}

/** For options that may be given several times. */
export function collected(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** An action that is loaded when its command runs. Commander gives arguments as `any`; the definition says what they are. */
export function later<A extends unknown[]>(
  load: () => Promise<(...given: A) => unknown>,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const action = await load();
    await action(...(given as A));
  };
}
