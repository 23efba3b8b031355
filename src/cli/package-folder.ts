/** Owns where this package lies, whose files commands read: its version, the types of functions. */
import { readFileSync } from 'node:fs';

/** The text of a file of the package. @param path from the package's folder. Throws when the file is not there. */
export function packageText(path: string): string {
  return readFileSync(new URL(path, packageFolder()), 'utf8');
}

/** The version in package.json. */
export function packageVersion(): string {
  return (JSON.parse(packageText('package.json')) as { version: string }).version;
}

/** The folder, which lies above wherever this file was compiled to. */
function packageFolder(): URL {
  for (const up of ['../../', '../../../']) {
    const folder = new URL(up, import.meta.url);
    try {
      const { name } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { name?: string };
      if (name === 'glambdar') return folder;
    } catch {
      // It lies further up.
    }
  }
  throw new Error('The files of this installation are not complete; install glambdar again.');
}
