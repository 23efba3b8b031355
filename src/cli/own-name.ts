/** Owns how commands of this program are written in what it says, so that they can be typed as they stand. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { environmentVariable } from '../config.js';

const NAME = 'glambdar';

/** What tells how the program was started. */
export interface Start {
  /** What npm says that it does: `exec` for npx. Undefined without npm. */
  npmCommand: string | undefined;
  /** The folders in which a shell looks for programs. */
  path: string[];
  canRun: (file: string) => boolean;
}

/** The words with which a user starts the program: npx in front for whoever used it, or who has no `glambdar` on the path. */
export function ownName({ npmCommand, path, canRun }: Start): string {
  if (npmCommand === 'exec') return `npx ${NAME}`;
  // npm puts folders of packages on the path of what it runs; the user's own shell does not have them.
  const folders = path.filter((folder) => folder !== '' && !/node_modules[\\/]\.bin[\\/]?$/.test(folder));
  return folders.some((folder) => canRun(join(folder, NAME))) ? NAME : `npx ${NAME}`;
}

/** A command as this user types it, such as `npx glambdar dev hello`. @param words what follows the program's name */
export function typed(words: string): string {
  return `${name()} ${words}`;
}

/** A sentence in which the commands in backticks stand as this user types them. */
export function asTyped(sentence: string): string {
  return sentence.includes(`\`${NAME} `) ? sentence.replaceAll(`\`${NAME} `, `\`${name()} `) : sentence;
}

/** A help in which the commands, also those of its examples, stand as this user types them. */
export function helpAsTyped(help: string): string {
  return help.replace(/(?<![\w/.-])glambdar(?= [a-z[<])/g, name());
}

let known: string | undefined;

/** Looked up once. */
function name(): string {
  return (known ??= ownName({
    npmCommand: environmentVariable('npm_command'),
    path: (environmentVariable('PATH') ?? '').split(delimiter),
    canRun,
  }));
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
