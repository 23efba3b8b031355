/** Owns the failure of a command whose function is not there: which one, and which one was probably meant. */
import { nearName } from '../../model/near-name.js';
import { CliError, EXIT } from '../cli-error.js';

/** Routes in whose path a function's name follows. */
const ROUTE = /^\/(?:info|del|logs|config|functions|invoke)\/([^/?#]+)/;

/** The function that the path of a request names, null when it names none. */
export function functionIn(path: string): string | null {
  const [, name] = ROUTE.exec(path) ?? [];
  if (name === undefined) return null;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** @param names of the functions that the user can see */
export function missingFunction(name: string, names: string[]): CliError {
  const near = nearName(name, names);
  const meant = near === undefined ? '.' : `; did you mean "${near}"?`;
  return new CliError(
    `There is no function ${JSON.stringify(name)}${meant} \`glambdar list\` shows the functions there are.`,
    EXIT.notFound,
    { code: 'FUNCTION_NOT_FOUND' },
  );
}
