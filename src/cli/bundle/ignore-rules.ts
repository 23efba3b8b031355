/** Owns which files of a folder belong to its bundle. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ignore, { type Ignore } from 'ignore';

/** Never part of a function: version control, what macOS leaves, links to programs, and the rules themselves. */
const ALWAYS = [
  '.git',
  '.hg',
  '.svn',
  '.DS_Store',
  '__MACOSX',
  'node_modules/.bin',
  '.glambdarignore',
  '.gitignore',
];

/**
 * Rules of one folder and of those above it, up to the function's own. A `.glambdarignore` at the top takes the place of
 * every `.gitignore`, as `.npmignore` does; without it each folder's `.gitignore` counts.
 */
export class IgnoreRules {
  readonly #rules: { base: string; rules: Ignore }[];
  readonly #heedsGit: boolean;

  private constructor(rules: { base: string; rules: Ignore }[], heedsGit: boolean) {
    this.#rules = rules;
    this.#heedsGit = heedsGit;
  }

  /** The rules of a function's folder. */
  static of(folder: string): IgnoreRules {
    const own = textOf(join(folder, '.glambdarignore'));
    const rules = ignore()
      .add(ALWAYS)
      .add(own ?? textOf(join(folder, '.gitignore')) ?? '');
    return new IgnoreRules([{ base: '', rules }], own === null);
  }

  /** The rules inside a folder below. @param path of it, from the function's folder, with a slash at its end */
  inside(folder: string, path: string): IgnoreRules {
    const text = this.#heedsGit ? textOf(join(folder, path, '.gitignore')) : null;
    if (text === null) return this;
    return new IgnoreRules([...this.#rules, { base: path, rules: ignore().add(text) }], true);
  }

  /** @param path from the function's folder; of a folder with a slash at its end */
  ignores(path: string): boolean {
    let ignored = false;
    for (const { base, rules } of this.#rules) {
      const verdict = rules.test(path.slice(base.length));
      if (verdict.ignored) ignored = true;
      else if (verdict.unignored) ignored = false;
    }
    return ignored;
  }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
