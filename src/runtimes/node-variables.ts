/**
 * Owns which variables of a function's environment cannot be had. Node reads some only when it starts, and a worker has
 * started before it knows the function. The worker does later what can be done later (`worker/node/start-variables.cjs`).
 */

/** Options of NODE_OPTIONS that the worker carries out, and whether a value follows. */
const possible: Readonly<Record<string, boolean>> = {
  '--enable-source-maps': false,
  '--require': true,
  '-r': true,
  '--import': true,
  '--no-warnings': false,
  '--no-deprecation': false,
  '--throw-deprecation': false,
  '--trace-deprecation': false,
  '--trace-warnings': false,
  '--stack-trace-limit': true,
  '--dns-result-order': true,
};

/** What to do instead of an option that is often given. */
const instead: Readonly<Record<string, string>> = {
  '--max-old-space-size': 'the setting memoryMb sets the size of the heap',
  '--max-semi-space-size': 'v8.setFlagsFromString in the code can set it',
  '--use-openssl-ca': 'with network "bridge" the certificates of the system are trusted',
  '--use-system-ca': 'with network "bridge" the certificates of the system are trusted',
  '--inspect': 'nothing can connect to the container',
};

/** Variables that come too late, with what to do instead. */
const tooLate: Readonly<Record<string, string>> = {
  NODE_DEBUG: 'print with console.error instead',
  NODE_DEBUG_NATIVE: 'print with console.error instead',
  NODE_PENDING_DEPRECATION: 'put "--trace-deprecation" into NODE_OPTIONS, or run the code with it elsewhere',
  NODE_USE_ENV_PROXY: 'give the HTTP client of the code an agent for the proxy',
  NODE_V8_COVERAGE: 'measure the coverage of tests, outside',
};

/**
 * @returns a sentence for the function's author that says which variable of `env` cannot take effect, and what to do; null when
 *   all can
 */
export function nodeVariableProblem(env: Readonly<Record<string, string>>): string | null {
  for (const [name, advice] of Object.entries(tooLate))
    if (Object.hasOwn(env, name))
      return `env: ${name} cannot take effect, because Node reads it only when it starts, before it gets the function: ${advice}.`;
  const words = (env['NODE_OPTIONS'] ?? '').match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g)?.values();
  for (const word of words ?? []) {
    const option = word.replaceAll('"', '').split('=', 1)[0]!;
    if (!Object.hasOwn(possible, option)) return optionProblem(option);
    if (possible[option] && !word.includes('=')) words?.next();
  }
  return null;
}

function optionProblem(option: string): string {
  const advice = Object.hasOwn(instead, option) ? `: ${instead[option]}` : '';
  const names = Object.keys(possible).join(', ');
  return `env: NODE_OPTIONS cannot have ${JSON.stringify(option.slice(0, 64))}, because Node has started before it gets the function${advice}. Possible are ${names}.`;
}
