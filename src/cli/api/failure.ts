/** Owns turning a server's refusal into a sentence with a remedy. */
import { CliError, EXIT } from '../cli-error.js';
import { routesAsCommands } from '../terminal/routes-as-commands.js';
import { safeText } from '../terminal/safe-text.js';

interface ErrorBody {
  error?: unknown;
  message?: unknown;
  code?: unknown;
  stack?: unknown;
  stdout?: unknown;
  stderr?: unknown;
}

/** What to do about a refusal, by its code or else by its status. */
const REMEDIES: Record<string, string> = {
  FUNCTION_NOT_FOUND: '`glambdar list` shows the functions there are.',
  AT_CAPACITY: 'Try again in a moment.',
  DRIVER_UNAVAILABLE: '`glambdar doctor` says what is wrong with Docker.',
  401: 'Sign in with `glambdar login`, or set GLAMBDAR_TOKEN to a key.',
  403: '`glambdar whoami` shows who you are to this server.',
};

/** Codes of refusals that end without anybody changing the request. A proxy whose server is away answers without a code. */
const PASSING = new Set(['STOPPING', 'AT_CAPACITY', 'DRIVER_UNAVAILABLE']);

/** The failure that an answer of status 300 or more, or an error in its last line, tells. */
export function failureOf(status: number, body: Buffer | string): CliError {
  const text = body.toString();
  const told = parse(text);
  const code = typeof told.code === 'string' ? told.code : null;
  const said = [told.error, told.message].find((value) => typeof value === 'string' && value !== '');
  const sentence = routesAsCommands(
    safeText(typeof said === 'string' ? said : text.trim().slice(0, 500) || `status ${status}`),
  );
  const remedy = REMEDIES[code ?? ''] ?? REMEDIES[status];
  const message = remedy === undefined ? sentence : `${endedSentence(sentence)} ${remedy}`;
  return new CliError(message, exitCodeOf(status), {
    details: detailsOf(told),
    code,
    mayPass: code === null ? [502, 503, 504].includes(status) : PASSING.has(code),
  });
}

/** The last part of a stack and of what the code printed, for people. */
function detailsOf({ stack, stdout, stderr }: ErrorBody): string {
  return [stack, stdout, stderr]
    .filter((part): part is string => typeof part === 'string' && part !== '')
    .map((part) => safeText(part.trimEnd()))
    .join('\n');
}

function exitCodeOf(status: number): number {
  if (status === 404) return EXIT.notFound;
  return status === 401 || status === 403 ? EXIT.denied : EXIT.failed;
}

function endedSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function parse(text: string): ErrorBody {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
