/** Owns the commands that show and delete functions: `list`, `info`, `open` and `rm`. */
import { functionPath, type FunctionInfo } from '../api/function-info.js';
import { clientOf, type CommonOptions } from '../session.js';
import { printResult, styled } from '../terminal/output.js';
import { sizeText } from '../terminal/progress-bar.js';
import { pairsText, tableText } from '../terminal/table.js';
import { timeText } from '../terminal/time-text.js';

export async function list(options: CommonOptions): Promise<void> {
  const { functions } = await clientOf(options).json<{ functions: FunctionInfo[] }>('GET', '/info');
  printResult(options.json === true, functions, () =>
    functions.length === 0
      ? 'There are no functions yet; `glambdar init hello` makes one.'
      : tableText(
          ['NAME', 'VERSION', 'CALLS', 'ERRORS', 'LAST CALL', 'SIZE', 'DEPLOYED'],
          functions.map((one) => [
            one.name,
            String(one.version),
            String(one.invokeCount),
            String(one.errorCount),
            timeText(one.lastInvokedAt),
            sizeText(one.sizeBytes),
            timeText(one.updatedAt),
          ]),
          [1, 2, 3, 5],
        ),
  );
}

export async function info(name: string, options: CommonOptions): Promise<void> {
  const one = await clientOf(options).json<FunctionInfo>('GET', functionPath('/info', name));
  printResult(options.json === true, one, () =>
    pairsText([
      ['name', one.name],
      ['version', String(one.version)],
      ['digest', one.digest],
      ['size', sizeText(one.sizeBytes)],
      ['calls', `${one.invokeCount}, ${one.errorCount} failed`],
      ['last call', timeText(one.lastInvokedAt)],
      ['deployed', timeText(one.updatedAt)],
      ['created', timeText(one.createdAt)],
      ...Object.entries(one.settings).map(
        ([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)] as const,
      ),
    ]),
  );
}

export async function open(name: string, options: CommonOptions): Promise<void> {
  const client = clientOf(options);
  const one = await client.json<FunctionInfo>('GET', functionPath('/info', name));
  const url = client.url + functionPath('/invoke', one.name);
  const curl = `curl ${url} -d '{"name":"Ada"}'`;
  printResult(options.json === true, { url, curl }, () => `${url}\n${curl}`);
}

/** Deletes one after the other; what was deleted before one that cannot be is told, too. */
export async function remove(names: string[], options: CommonOptions): Promise<void> {
  const client = clientOf(options);
  const deleted: string[] = [];
  try {
    for (const name of names) {
      await client.json('DELETE', functionPath('/del', name));
      deleted.push(name);
    }
  } finally {
    if (deleted.length > 0)
      printResult(options.json === true, { deleted }, () =>
        deleted.map((name) => `${styled('green', '✓')} ${name} is deleted`).join('\n'),
      );
  }
}
