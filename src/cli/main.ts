#!/usr/bin/env node
/** Owns the process of a command: its output's end, its failures as sentences, its exit code. */
import { CommanderError } from 'commander';
import { CliError, EXIT } from './cli-error.js';
import { createProgram } from './program.js';
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
  // Commander has printed its own sentence, or the help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
  if (!(error instanceof CliError)) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`glambdar: ${safeText(message)}\n`);
    return EXIT.failed;
  }
  const { message, details, code, exitCode } = error;
  if (process.argv.includes('--json'))
    process.stderr.write(`${safeJson({ error: message, code, details })}\n`);
  else process.stderr.write(safeText(`glambdar: ${message}\n${details === '' ? '' : `${details}\n`}`));
  return exitCode;
}
