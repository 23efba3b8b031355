/** Owns asking somebody at a terminal, and reading the same answer from stdin where there is none. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { CliError, EXIT } from '../cli-error.js';

/** Asks, showing what is typed. Throws CliError without a terminal. @param remedy what to write there, as a sentence */
export async function ask(question: string, remedy: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new CliError(`Nobody can be asked "${question.trim()}" without a terminal. ${remedy}`, EXIT.usage);
  return answerTo(question, process.stderr);
}

/** Asks without showing what is typed. Without a terminal the answer is all of stdin, but a newline at its end. */
export async function askSecretly(question: string): Promise<string> {
  if (!process.stdin.isTTY) return readFileSync(0, 'utf8').replace(/\r?\n$/, '');
  process.stderr.write(question);
  const nothing = new Writable({ write: (_chunk, _encoding, done) => done() });
  const answer = await answerTo('', nothing);
  process.stderr.write('\n');
  return answer;
}

async function answerTo(question: string, output: NodeJS.WritableStream): Promise<string> {
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  const cancel = new AbortController();
  lines.once('SIGINT', () => cancel.abort());
  try {
    return await lines.question(question, { signal: cancel.signal });
  } catch {
    throw new CliError('Cancelled.', 130);
  } finally {
    lines.close();
  }
}
