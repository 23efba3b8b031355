/** Owns the commands that show and delete functions: `list`, `info`, `open` and `rm`. */
import { callUrl, functionPath, type FunctionInfo } from '../api/function-info.js';
import { typed } from '../own-name.js';
import { clientOf, type CommonOptions } from '../session.js';
import { printResult } from '../terminal/output.js';
import { safeLine } from '../terminal/safe-text.js';
import { sizeText } from '../terminal/progress-bar.js';
import { pairsText, tableText } from '../terminal/table.js';
import { timeText } from '../terminal/time-text.js';
import { forEach } from '../each.js';

export async function list(options: CommonOptions): Promise<void> {
  const { functions } = await clientOf(options).json<{ functions: FunctionInfo[] }>('GET', '/info');
  printResult(options.json === true, functions, () =>
    functions.length === 0
      ? `There are no functions yet; \`${typed('init hello')}\` makes one.`
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
      ...(one.publicUrl === undefined ? [] : [['public url', safeLine(one.publicUrl)] as const]),
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
  const url = safeLine(callUrl(client.url, one));
  const curl = `curl ${url} -d '{}'`;
  printResult(options.json === true, { url, curl }, () => `${url}\n${curl}`);
}

/** Deletes one after the other; what was deleted before one that cannot be is told, too. */
export async function remove(names: string[], options: CommonOptions): Promise<void> {
  const client = clientOf(options);
  await forEach({
    names,
    json: options.json === true,
    act: async (name) => {
      await client.json('DELETE', functionPath('/del', name));
      return `${name} is deleted`;
    },
    reason: ({ code, message }) => (code === 'FUNCTION_NOT_FOUND' ? 'there is no such function' : message),
    done: 'deleted',
  });
}
