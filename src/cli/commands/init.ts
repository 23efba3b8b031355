/** Owns `init`: a folder with a function in it, from a template. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CliError, EXIT } from '../cli-error.js';
import { typed } from '../own-name.js';
import type { CommonOptions } from '../session.js';
import { TEMPLATES } from '../templates/templates.js';
import { printResult, styled } from '../terminal/output.js';
import { isFunctionName } from '../../model/function/function-name.js';

export interface InitOptions extends CommonOptions {
  template: string;
  name?: string;
  runtime?: string;
}

/** The template for a language as Invok's clients name it. */
const TEMPLATE_OF: Record<string, string> = {
  node: 'js',
  nodejs: 'js',
  javascript: 'js',
  js: 'js',
  typescript: 'ts',
  ts: 'ts',
};

export async function init(given: string | undefined, options: InitOptions): Promise<void> {
  const target = given ?? options.name ?? '.';
  const folder = resolve(target);
  const name = basename(folder);
  if (!isFunctionName(name))
    throw new CliError(
      `"${name}" is no function's name: 1 to 64 letters, digits, dots, dashes and underscores.`,
      EXIT.usage,
    );
  const template = templateOf(options);
  const files = TEMPLATES[template]?.(name);
  if (files === undefined)
    throw new CliError(
      `There is no template "${template}"; there are ${Object.keys(TEMPLATES).join(', ')}.`,
      EXIT.usage,
    );
  const present = Object.keys(files).filter((file) => existsSync(join(folder, file)));
  if (present.length > 0)
    throw new CliError(
      `${join(target, present[0] ?? '')} is there already; choose another folder.`,
      EXIT.usage,
    );
  if (target === '.') assertNoCode(folder);
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), content);
  }
  const here = target === '.' ? '' : ` ${target}`;
  printResult(options.json === true, { name, folder, files: readdirSync(folder) }, () =>
    [
      `${styled('green', '✓')} ${name} is in ${folder}: ${Object.keys(files).join(', ')}`,
      `Next: ${typed(`dev${here}`)}        (deploys it at every change)`,
      `      ${typed(`invoke ${name} -d '{"name":"Ada"}'`)}`,
    ].join('\n'),
  );
  return Promise.resolve();
}

/** Without a name the current folder becomes the function: everything in it would be part of it. */
function assertNoCode(folder: string): void {
  const found = readdirSync(folder).filter((name) => !HARMLESS.test(name));
  if (found.length === 0) return;
  const shown = found.slice(0, 3).join(', ') + (found.length > 3 ? ` and ${found.length - 3} more` : '');
  throw new CliError(
    `This folder is not empty (${shown}), and all of it would be the function; \`glambdar init NAME\` makes a folder of its own.`,
    EXIT.usage,
  );
}

/** What a new repository has before its code. */
const HARMLESS = /^(?:\..*|README.*|LICEN[CS]E.*)$/i;

function templateOf({ template, runtime }: InitOptions): string {
  if (runtime === undefined) return template;
  const chosen = TEMPLATE_OF[runtime.toLowerCase()];
  if (chosen === undefined)
    throw new CliError(`There is no runtime "${runtime}"; there are javascript and typescript.`, EXIT.usage);
  return chosen;
}
