/** Owns what the archives of each API family hold beside the code of the function. A new family's is one row. */
import type { PlannedFile } from '../bundle-plan.js';
import type { BundleDescription } from './bundle-description.js';
import { readInvokConfig } from './invok-config.js';
import { invalidEntry } from '../refusals.js';
import { readRootText } from '../root-text.js';
import type { SourceFiles } from '../source-files.js';

export interface Packaging {
  /** Names of files at the root that do not belong to the function, and are left out. */
  leftOut: readonly string[];
  /** Reads the description that a family's archive may bring. Throws INVALID_BUNDLE. */
  describe(files: readonly PlannedFile[], source: SourceFiles): BundleDescription;
}

const FN_YAML = 'fn.yaml';

const table = {
  glambdar: { leftOut: [], describe: () => ({}) },
  // The client of faas packs the server and the Dockerfile that its own containers were made with.
  faas: { leftOut: ['server.js', 'Dockerfile'], describe: checkLanguage },
  invok: { leftOut: [], describe: readInvokConfig },
} as const satisfies Record<string, Packaging>;

/** The name of a known packaging. */
export type PackagingName = keyof typeof table;

/** Every known packaging by its name. */
export const PACKAGINGS: Readonly<Record<PackagingName, Packaging>> = table;

/** Refuses an `fn.yaml` whose `language` this server does not run. A bundle without one, or without a language, is JavaScript. */
function checkLanguage(files: readonly PlannedFile[], source: SourceFiles): BundleDescription {
  const text = readRootText(FN_YAML, 'YAML', files, source) ?? '';
  for (const [, value = ''] of text.matchAll(/^language[ \t]*:([^\r\n]*)$/gm)) {
    const language = value.replace(/(?:^|[ \t])#.*$/, '').trim();
    const plain = /^(["'])(.*)\1$/.exec(language)?.[2] ?? language;
    if (plain !== '' && !/^node(?:js)?$/i.test(plain)) {
      throw invalidEntry(
        FN_YAML,
        `names the language ${JSON.stringify(plain.slice(0, 64))}; this server runs "node" only.`,
      );
    }
  }
  return {};
}
