/** Owns `deploy`: which folder or archive under which name, and showing how the upload and the deploy go on. */
import { statSync, readFileSync } from 'node:fs';
import { basename, dirname, relative, resolve } from 'node:path';
import { sendBundle, type Deployed } from '../api/deployment.js';
import { callUrl } from '../api/function-info.js';
import type { Client } from '../api/client.js';
import { assertEntryFile, hasEntryFile } from '../bundle/entry-file.js';
import { packFolder } from '../bundle/pack-folder.js';
import { CliError, EXIT } from '../cli-error.js';
import { clientOf, type CommonOptions } from '../session.js';
import { ProgressBar, sizeText } from '../terminal/progress-bar.js';
import { printResult, say, styled } from '../terminal/output.js';
import { safeLine } from '../terminal/safe-text.js';
import { isFunctionName } from '../../model/function/function-name.js';

export interface DeployOptions extends CommonOptions {
  name?: string;
  /** `key=value` each. */
  set?: string[];
}

/** What is deployed, and as what. */
export interface Source {
  /** Absolute path of a folder or an archive. */
  path: string;
  isFolder: boolean;
  name: string;
  /** The command that was typed, for what is said about how to type it. */
  verb: 'deploy' | 'dev';
}

export async function deploy(path: string | undefined, options: DeployOptions): Promise<void> {
  const client = clientOf(options);
  const deployed = await deploySource(client, sourceOf(path, options.name), options);
  printResult(options.json === true, deployed, () =>
    [
      `${styled('green', '✓')} ${deployed.function} version ${deployed.version} is live: ${callUrlOf(client, deployed)}`,
      ...remarksOf(deployed),
    ].join('\n'),
  );
}

/** The URL for people to call, to be shown on a terminal. */
export function callUrlOf(client: Client, deployed: Deployed): string {
  return safeLine(callUrl(client.url, { ...deployed, name: deployed.function }));
}

/** Lines about what was installed, and about what the author may want to change. */
export function remarksOf({ notes = [], hints = [] }: Deployed): string[] {
  const lines = (word: string, sentences: string[]): string[] =>
    sentences.map((sentence) => `${styled('yellow', word)} ${safeLine(sentence)}`);
  return [...lines('note', notes), ...lines('hint', hints)];
}

/**
 * The folder or archive that the arguments name. `deploy -n NAME` without a path means the folder NAME when there is one,
 * as Invok's clients write it, else the current one.
 */
export function sourceOf(
  path: string | undefined,
  name: string | undefined,
  verb: Source['verb'] = 'deploy',
): Source {
  const named =
    name !== undefined &&
    path === undefined &&
    isFolder(name) &&
    !hasEntryFile('.') &&
    !isFile('package.json')
      ? name
      : '.';
  const chosen = resolve(path ?? named);
  const stats = statSync(chosen, { throwIfNoEntry: false });
  if (stats === undefined || !(stats.isDirectory() || stats.isFile()))
    throw new CliError(
      `There is no folder or archive ${path ?? named}. Name a folder with an entry file such as index.js, or a zip, tar or tar.gz; ` +
        '`glambdar init NAME` makes a folder.',
      EXIT.usage,
    );
  const folder = stats.isDirectory();
  if (!folder && CODE_FILE.test(chosen)) throw singleFile(chosen, path ?? named, verb);
  const archiveName = basename(chosen).replace(/\.(tar\.gz|tgz|tar|zip)$/i, '');
  const ownName = name ?? (folder ? basename(chosen) : archiveName);
  if (!isFunctionName(ownName)) throw notAName(ownName, path, name === undefined, verb);
  return { path: chosen, isFolder: folder, name: ownName, verb };
}

/** Packs and sends the source. Says on stderr what the server does meanwhile. Throws CliError when it is refused. */
export async function deploySource(
  client: Client,
  { path, isFolder: folder, name, verb }: Source,
  { set = [], json = false }: DeployOptions,
): Promise<Deployed> {
  const fields = { ...settingsOf(set), funcName: name };
  if (folder && !('handler' in fields)) assertEntryFile(path, relative('', path) || '.', verb);
  const packed = folder ? packFolder(path) : { zip: readFileSync(path), files: 0, ignored: 0 };
  const isQuiet = json || process.stderr.isTTY !== true;
  if (!isQuiet && folder)
    say(
      `packed ${packed.files} ${packed.files === 1 ? 'file' : 'files'}, ${sizeText(packed.zip.length)}${packed.ignored > 0 ? `; ${packed.ignored} left out by ignore rules` : ''}`,
    );
  const bar = new ProgressBar('uploading', packed.zip.length);
  try {
    return await sendBundle(client, {
      archive: packed.zip,
      fileName: folder ? `${name}.zip` : basename(path),
      fields,
      ...(!json && { onSent: (bytes: number) => bar.update(bytes) }),
      onProgress: (line) => {
        bar.end();
        if (!json) say(safeLine(line));
      },
    });
  } finally {
    bar.end();
  }
}

/** `key=value` texts as fields of a form. Throws CliError for a text without `=`. */
function settingsOf(texts: string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at < 1)
        throw new CliError(`--set is "${text}"; write key=value, such as memoryMb=256.`, EXIT.usage);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

const CODE_FILE = /\.(?:[cm]?[jt]s|json)$/i;

/**
 * The error of a name that the server cannot take, which is not worth an upload.
 * @param isFound whether the name is that of the folder or archive, and was not given
 */
function notAName(name: string, path: string | undefined, isFound: boolean, verb: string): CliError {
  const where = path === undefined ? '' : ` ${/[^\w./~-]/.test(path) ? `'${path}'` : path}`;
  const remedy = isFound ? ` Give it another one: \`glambdar ${verb}${where} --name NAME\`.` : '';
  return new CliError(
    `"${name}" is no function's name: 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or a digit.${remedy}`,
    EXIT.usage,
  );
}

function singleFile(path: string, shown: string, verb: string): CliError {
  const folder = relative('', dirname(path));
  return new CliError(
    `${shown} is a single file; name its folder: \`glambdar ${verb}${folder === '' ? '' : ` ${folder}`}\`.`,
    EXIT.usage,
  );
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
