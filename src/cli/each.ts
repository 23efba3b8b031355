/** Owns doing the same to several things that one command line names: one after the other, a line for each, whatever became of the others. */
import { CliError, EXIT } from './cli-error.js';
import { printResult, say, styled } from './terminal/output.js';
import { safeLine } from './terminal/safe-text.js';

export interface EachOptions {
  /** What was named; each is done once. */
  names: string[];
  json: boolean;
  /** Rejects with CliError when the server refuses. @returns the sentence about it, without a mark */
  act: (name: string) => Promise<string>;
  /** Why one was refused, in a few words. */
  reason?: (failure: CliError) => string;
  /** The key for those that are done in the JSON. */
  done: string;
}

/** Sets the exit code of the first refusal. Throws at once when there is no server, or it knows nobody by the token. */
export async function forEach({
  names,
  json,
  act,
  reason = ({ message }) => message,
  done,
}: EachOptions): Promise<void> {
  const succeeded: string[] = [];
  const failed: { name: string; error: string; code: string | null }[] = [];
  for (const name of new Set(names)) {
    try {
      const sentence = await act(name);
      succeeded.push(name);
      if (!json) printResult(false, null, () => `${styled('green', '✓')} ${sentence}`);
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode === EXIT.unreachable) throw error;
      // With one name the failure is the command's own.
      if (names.length === 1) throw error;
      failed.push({ name, error: reason(error), code: error.code });
      if (!json) say(`${styled('red', '✗')} ${safeLine(name)}: ${reason(error)}`);
      process.exitCode ??= error.exitCode;
    }
  }
  if (json) printResult(true, { [done]: succeeded, ...(failed.length > 0 && { failed }) }, () => '');
}
