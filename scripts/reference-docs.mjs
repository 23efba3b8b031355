// Writes what the documentation says of commands and variables, from where the product defines them: docs/cli.md, and the
// tables in docs/configuration.md.
//
//   node --import=tsx scripts/reference-docs.mjs           writes both
//   node --import=tsx scripts/reference-docs.mjs --check   writes nothing; fails when one is not up to date
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EXIT_MEANINGS } from '../src/cli/cli-error.ts';
import { createProgram } from '../src/cli/program.ts';
import { CONFIG_GROUPS, CONFIG_VARIABLES } from '../src/config-variables.ts';

const COMMON = ['--server', '--profile', '--namespace', '--json'];
const isCheck = process.argv.includes('--check');

const pages = {
  'docs/cli.md': () => commandPage(createProgram()),
  'docs/configuration.md': (before) => withTables(before),
};

for (const [page, make] of Object.entries(pages)) {
  const path = fileURLToPath(new URL(`../${page}`, import.meta.url));
  let before = '';
  try {
    before = readFileSync(path, 'utf8');
  } catch {
    // It is written for the first time.
  }
  const after = make(before);
  if (after === before) continue;
  if (isCheck) {
    console.error(`${page} is not up to date; run: node --import=tsx scripts/reference-docs.mjs`);
    process.exitCode = 1;
  } else writeFileSync(path, after);
}

function commandPage(program) {
  const exits = EXIT_MEANINGS.map(([code, meaning]) => `| ${code} | ${meaning} |`).join('\n');
  const common = program.commands[0].options.filter(({ long }) => COMMON.includes(long));
  return `# The command line

\`glambdar\` speaks to a server over HTTP. In the checkout, write \`npx glambdar\`. To use it in every folder, run \`npm link\` once in the
checkout, or install the tarball that \`npm pack\` makes. In other folders do not write \`npx\` before that: npm would look for a package of this
name in its registry.

This page is made from the commands themselves by \`scripts/reference-docs.mjs\`. \`glambdar <command> --help\` says the same.

These options belong to every command that speaks to a server:

${optionTable(common)}

A server on another port than 8000 has to be named: set \`GLAMBDAR_URL=http://127.0.0.1:PORT\`, or give \`--server http://127.0.0.1:PORT\`.
The server is the one that \`--server\` names, else that of the profile that \`--profile\` names, else \`GLAMBDAR_URL\`, else that of the
profile \`GLAMBDAR_PROFILE\`, else that of the profile \`default\`. \`GLAMBDAR_TOKEN\` holds a token or key where nobody can sign in; it is
not used with \`--profile\`. Profiles are in \`$XDG_CONFIG_HOME/glambdar/profiles.json\` (\`~/.config\` without that variable). The file is
refused when anybody but its owner may read it. A profile's token goes to that profile's server and to no other. Results go to stdout, all else to stderr. Colours appear
on a terminal only, and not with \`NO_COLOR\`. Control characters that a function printed are shown as text, such as \`\\x1b\`; only
\`invoke --raw\`, and \`invoke\` into a pipe, write bytes as they are.

| Exit code | Meaning |
|---|---|
${exits}

${program.commands.flatMap((command) => sections(command, 'glambdar')).join('\n')}`;
}

function sections(command, parent) {
  const name = `${parent} ${command.name()}`;
  if (command.commands.length > 0) return command.commands.flatMap((inner) => sections(inner, name));
  // Flags that are variables are listed with these.
  const isVariable = ({ description }) =>
    CONFIG_VARIABLES.some(({ name }) => description.endsWith(`; ${name})`));
  // The options of commands that speak to a server are listed once, at the beginning of the page.
  const isCommon = ({ long }) =>
    COMMON.includes(long) && command.options.some((option) => option.long === '--server');
  const options = command.options.filter((option) => !isCommon(option) && !isVariable(option));
  const usage = command.registeredArguments.map(
    (argument) =>
      `${argument.required ? '<' : '['}${argument.name()}${argument.variadic ? '…' : ''}${argument.required ? '>' : ']'}`,
  );
  const also = command.aliases().map((alias) => `\`${alias}\``);
  const lines = [
    `## ${[name, ...usage].join(' ')}\n`,
    command.description() + (also.length > 0 ? ` Also called ${also.join(', ')}.` : ''),
    '',
  ];
  if (command.options.some(isVariable))
    lines.push(
      'Its flags are the variables in [configuration](configuration.md): `GLAMBDAR_MAX_ZIP_MB` is `--max-zip-mb`.',
      '',
    );
  if (options.length > 0) lines.push(optionTable(options), '');
  const examples = examplesOf(command);
  if (examples !== '') lines.push('```sh', examples, '```', '');
  return [lines.join('\n')];
}

function optionTable(options) {
  const cell = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
  const rows = options.map(({ flags, description, defaultValue }) => {
    const fallback = defaultValue === undefined ? '' : ` (default: ${defaultValue})`;
    return `| \`${flags}\` | ${cell(description)}${fallback} |`;
  });
  return ['| Option | |', '|---|---|', ...rows].join('\n');
}

/** The examples below the help: what it prints after the options. */
function examplesOf(command) {
  let text = '';
  command.configureOutput({ writeOut: (piece) => (text += piece) });
  command.outputHelp();
  const [, examples = ''] = /\nExamples:\n([^]*)$/.exec(text) ?? [];
  return examples.replace(/^ {2}/gm, '').trimEnd();
}

/** Puts the tables of variables in place of those between the two comments. */
function withTables(before) {
  const sections = CONFIG_GROUPS.map(({ title, about, variables }) => {
    const rows = variables.map(({ name, fallback, meaning }) => `| \`${name}\` | ${fallback} | ${meaning} |`);
    const table = ['| Variable | Default | Meaning |', '|---|---|---|', ...rows].join('\n');
    return [`## ${title}`, ...(about === null ? [] : [about]), table].join('\n\n');
  });
  return before.replace(
    /(<!-- variables:[^\n]*-->\n)[^]*(\n<!-- end of variables -->)/,
    (_, begin, end) => `${begin}\n${sections.join('\n\n')}\n${end}`,
  );
}
