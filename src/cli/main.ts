#!/usr/bin/env node
/** Owns the process of a command: its output's end, its failures as sentences, its exit code. */
import { CommanderError } from 'commander';
import { CliError, EXIT } from './cli-error.js';
import { withMeantCommand } from './other-words.js';
import { asTyped } from './own-name.js';
import { createProgram, wantsJson } from './program.js';
import { safeJson, safeText } from './terminal/safe-text.js';

// A reader that has seen enough (`| head`) ends the command without a word.
process.stdout.on('error', () => process.exit(0));

try {
  await createProgram().parseAsync();
} catch (error) {
  // At once: an answer that nobody reads to its end, or another stream of calls, would keep the process for seconds or for ever.
  process.exit(exitCodeFor(error));
}

function exitCodeFor(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // Commander has printed its own sentence, or the help, for people.
    if (wantsJson()) process.stderr.write(`${safeJson(usageFailure(error))}\n`);
    return EXIT.usage;
  }
  if (!(error instanceof CliError)) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`glambdar: ${safeText(message)}\n`);
    return EXIT.failed;
  }
  const { details, code, exitCode } = error;
  const message = asTyped(error.message);
  if (wantsJson()) process.stderr.write(`${safeJson({ error: message, code, details })}\n`);
  else process.stderr.write(safeText(`glambdar: ${message}\n${details === '' ? '' : `${details}\n`}`));
  return exitCode;
}

function usageFailure({ message }: CommanderError): object {
  const sentence = withMeantCommand(message, process.argv.slice(2))
    .replace(/^error: /, '')
    .trimEnd()
    .replaceAll('\n', ' ');
  return {
    error: `${sentence} (${asTyped('`glambdar --help` shows the commands')})`,
    code: null,
    details: '',
  };
}
