/** Owns how a command fails: one sentence with its remedy, and the exit code a script can rely on. */

/** Exit codes of every command. They are documented in docs/cli.md. */
export const EXIT = {
  /** The server or the function refused or failed. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** No server answers. */
  unreachable: 3,
  /** The function, version, secret or key does not exist. */
  notFound: 4,
  /** Signing in is needed, or the role is too small. */
  denied: 5,
} as const;

/** What each exit code means, for the help and the documentation. */
export const EXIT_MEANINGS: readonly [code: number, meaning: string][] = [
  [0, 'done'],
  [EXIT.failed, 'the server refused, or the function failed'],
  [EXIT.usage, 'the command line is wrong'],
  [EXIT.unreachable, 'no server answers'],
  [EXIT.notFound, 'there is no such function, version, secret or key'],
  [EXIT.denied, 'not signed in, or not allowed'],
  [130, 'interrupted with Ctrl-C'],
];

/** A failure the user can read: the message says what is wrong and what to do. */
export class CliError extends Error {
  readonly exitCode: number;
  /** Further lines to print below the sentence, such as a stack of the user's code. */
  readonly details: string;
  /** The server's stable code, null when the failure is the command line's own. */
  readonly code: string | null;
  /** Whether the same may succeed in a moment: no server answers, or it cannot take requests now. */
  readonly mayPass: boolean;

  constructor(
    message: string,
    exitCode: number = EXIT.failed,
    {
      details = '',
      code = null,
      mayPass = exitCode === EXIT.unreachable,
    }: { details?: string; code?: string | null; mayPass?: boolean } = {},
  ) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.details = details;
    this.code = code;
    this.mayPass = mayPass;
  }
}
