/** Owns which versions of packages may be asked for: those of the registry, by a version, a range or a tag. Pure. */
import { GlambdarError } from '../../errors.js';
import { printable } from '../../model/printable.js';

/** As npm allows for packages that are published today or were once; never a path. */
const PACKAGE_NAME = /^(?:@[a-z0-9~_.-][a-z0-9._~-]*\/)?(?!\.)[a-z0-9~_.-]+$/i;

/** Why a specifier is no version of the registry, as the rest of the sentence "asks for …, ". */
const ELSEWHERE: [pattern: RegExp, why: string][] = [
  [/^file:|^[./\\]|^~[\\/]|^[a-z]:[\\/]/i, 'a folder or file, which is not in the deployed code'],
  [/^link:|^portal:/i, 'a link to a folder'],
  [/^workspace:/i, 'a package of a workspace'],
  [/^(?:catalog|patch|jsr|exec):/i, 'what only another package manager understands'],
  [/^git(?:\+|:|@)|^(?:github|gitlab|bitbucket|gist):/i, 'a git repository'],
  [/^ssh:|^(?!npm:)[^@\s]+@[^:\s]+:.+/i, 'a git repository'],
  [/^https?:/i, 'an address outside the registry'],
  [/^(?!npm:)[a-z][a-z0-9+.-]*:/i, 'an address outside the registry'],
  [/^(?!npm:)[^@/\s]+\/[^/\s]/i, 'a repository on GitHub'],
];

/** Whether a text can be the name of a package. */
export function isPackageName(name: string): boolean {
  return name.length <= 214 && PACKAGE_NAME.test(name);
}

/**
 * Throws INSTALL_FAILED for a specifier that leads elsewhere than to the registry. An alias (`npm:name@range`) is fine.
 * @param where the file and key, for the sentence, e.g. `package.json`
 */
export function checkSpecifier(where: string, name: string, specifier: unknown): void {
  if (!isPackageName(name))
    throw refused(`${where} names ${shown(name)}, which cannot be the name of a package.`);
  if (typeof specifier !== 'string')
    throw refused(`${where} asks for no version of ${shown(name)}; expected a text such as "^1.2.3".`);
  const text = specifier.trim();
  const why = ELSEWHERE.find(([pattern]) => pattern.test(text))?.[1];
  if (why !== undefined)
    throw refused(
      `${where} asks for ${shown(name)} from ${shown(text)}, ${why}. Only packages of the registry are installed: name a version, or bring node_modules in the archive.`,
    );
  if (text.startsWith('npm:')) {
    const alias = /^npm:((?:@[^@/]+\/)?[^@/]+)(?:@(.*))?$/.exec(text);
    if (alias === null || !isPackageName(alias[1]!))
      throw refused(`${where} asks for ${shown(name)} as ${shown(text)}, which names no package.`);
    checkSpecifier(where, alias[1]!, (alias[2] ?? '*').replace(/^npm:/, 'file:'));
  }
}

/** An INSTALL_FAILED. @param message a sentence about the fault, and an advice */
export function refused(message: string, cause?: unknown): GlambdarError {
  return new GlambdarError('INSTALL_FAILED', message, { cause });
}

function shown(text: string): string {
  return printable(text.slice(0, 200));
}
