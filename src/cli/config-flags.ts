/** Owns the flags that stand for variables of the server's configuration, such as `--max-zip-mb` for `GLAMBDAR_MAX_ZIP_MB`. */
import type { Command } from 'commander';
import { ConfigError } from '../config.js';
import { CONFIG_VARIABLES } from '../config-variables.js';
import { CliError, EXIT } from './cli-error.js';

/** What commander makes of the flags that were given: value by name in camel case. */
export type FlagValues = Record<string, unknown>;

/** `GLAMBDAR_MAX_ZIP_MB` as the flag `--max-zip-mb`. */
export function flagOf(variable: string): string {
  return `--${wordsOf(variable).join('-')}`;
}

/** Adds a flag for each variable, with its meaning and default as help. @param without variables that get none */
export function addConfigFlags(command: Command, without: readonly string[] = []): Command {
  for (const { name, value, fallback, meaning } of CONFIG_VARIABLES)
    if (!without.includes(name))
      command.option(
        `${flagOf(name)} <${value}>`,
        `${plain(meaning)} (default: ${plain(fallback)}; ${name})`,
      );
  return command;
}

/** Variables for the flags that were given, in the order of the documentation. */
export function variablesOf(flags: FlagValues): [name: string, value: string][] {
  return CONFIG_VARIABLES.flatMap(({ name }) => {
    const value = flags[propertyOf(name)];
    return typeof value === 'string' ? [[name, value] as [string, string]] : [];
  });
}

/** The CliError for what `readConfig` has thrown, when the value of a flag is at fault: it names the flag. */
export function flagErrorOf(
  error: unknown,
  variables: readonly [name: string, value: string][],
): CliError | null {
  if (!(error instanceof ConfigError)) return null;
  const wrong = variables.find(([name]) => error.message.startsWith(`${name} `));
  return wrong === undefined
    ? null
    : new CliError(flagOf(wrong[0]) + error.message.slice(wrong[0].length), EXIT.usage);
}

/** As commander names an option's value: `maxZipMb`. */
function propertyOf(variable: string): string {
  const [first = '', ...others] = wordsOf(variable);
  return first + others.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function wordsOf(variable: string): string[] {
  return variable
    .replace(/^GLAMBDAR_/, '')
    .toLowerCase()
    .split('_');
}

/** Markdown without the marks of code, which are the only ones in meanings and defaults. */
function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}
