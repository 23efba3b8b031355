/** Owns `completion`: scripts that complete commands and options, made from the commands themselves. */
import type { Command, Option } from 'commander';
import { CliError, EXIT } from '../cli-error.js';

/** What may follow some words of a command line. */
interface Place {
  /** The words before, such as `keys create`; empty at the beginning. Every alias has a place of its own. */
  path: string;
  /** Commands, and the values that the first argument may have; where there are none a file may follow. */
  words: Word[];
  options: Word[];
}

interface Word {
  text: string;
  description: string;
  /** Whether a value follows: of an option. */
  takesValue?: boolean;
}

const SCRIPTS: Readonly<Record<string, (places: Place[]) => string>> = { bash, zsh, fish };

export function completion(shell: string, program: Command): void {
  process.stdout.write(completionScript(shell, program));
}

/** The script for a shell. Throws CliError for an unknown shell. */
export function completionScript(shell: string, program: Command): string {
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
  if (script === undefined)
    throw new CliError(`There are completions for bash, zsh and fish, not for "${shell}".`, EXIT.usage);
  return script(placesOf(program, ''));
}

function placesOf(command: Command, path: string): Place[] {
  const help = { text: '--help', description: 'print help' };
  const own: Place = {
    path,
    words: [
      ...command.commands.flatMap((inner) =>
        namesOf(inner).map((text) => ({ text, description: inner.description() })),
      ),
      ...(command.registeredArguments[0]?.argChoices ?? []).map((text) => ({ text, description: '' })),
    ],
    options: [...command.options.flatMap(wordsOf), help],
  };
  const inner = command.commands.flatMap((one) =>
    namesOf(one).flatMap((name) => placesOf(one, `${path} ${name}`.trim())),
  );
  return [own, ...inner];
}

function namesOf(command: Command): string[] {
  return [command.name(), ...command.aliases()];
}

function wordsOf({ short, long, description, required, optional }: Option): Word[] {
  const flags = [short, long].filter((flag) => flag !== undefined);
  return flags.map((text) => ({ text, description, takesValue: required || optional }));
}

const texts = (words: Word[]): string => words.map(({ text }) => text).join(' ');

/**
 * For bash and zsh: finds the place, as long as the words lead from one place to another, and sets `nexts` and `flags`.
 * @param word the shell's expression for the word number `at` @param end its condition for `at` to be before the cursor
 */
function findPlace(
  places: Place[],
  { first, end, word }: { first: number; end: string; word: string },
): string {
  const known = places.map(({ path }) => `|${path}|`).join('');
  const cases = places.map(
    ({ path, words, options }) => `    "${path}") nexts="${texts(words)}" flags="${texts(options)}" ;;`,
  );
  return `  local place="" longer at nexts="" flags=""
  for ((at = ${first}; ${end}; at++)); do
    longer="\${place:+$place }${word}"
    case "${known}" in
      *"|$longer|"*) place="$longer" ;;
    esac
  done
  case "$place" in
${cases.join('\n')}
  esac`;
}

function bash(places: Place[]): string {
  return `_glambdar() {
${findPlace(places, { first: 1, end: 'at < COMP_CWORD', word: `\${COMP_WORDS[at]}` })}
  local current="\${COMP_WORDS[COMP_CWORD]}"
  if [[ $current == -* ]]; then nexts="$flags"; fi
  COMPREPLY=($(compgen -W "$nexts" -- "$current"))
}
complete -o default -F _glambdar glambdar
`;
}

/** Works both as a file of `fpath` and read by `source` or `eval`. */
function zsh(places: Place[]): string {
  return `#compdef glambdar
_glambdar() {
${findPlace(places, { first: 2, end: 'at < CURRENT', word: `\${words[at]}` })}
  if [[ \${words[CURRENT]} == -* ]]; then
    compadd -- \${=flags}
  elif [[ -n $nexts ]]; then
    compadd -- \${=nexts}
  else
    _files
  fi
}
if [[ \${funcstack[1]} == _glambdar ]]; then
  _glambdar "$@"
else
  (( \${+functions[compdef]} )) || { autoload -U compinit && compinit; }
  compdef _glambdar glambdar
fi
`;
}

function fish(places: Place[]): string {
  const known = places.map(({ path }) => quoted(path)).join(' ');
  const lines = places.flatMap(({ path, words, options }) => {
    const at = `complete -c glambdar -n ${quoted(`__glambdar_at ${quoted(path)}`)}`;
    return [
      ...(words.length > 0 ? [`${at} -f`] : []),
      ...words.map(({ text, description }) => `${at} -a ${text} -d ${quoted(description)}`),
      ...options.map(
        ({ text, description, takesValue }) =>
          `${at} ${text.startsWith('--') ? '-l' : '-s'} ${text.replace(/^-+/, '')}${takesValue ? ' -r' : ''} -d ${quoted(description)}`,
      ),
    ];
  });
  return `# Whether the words before the cursor lead to a place, such as "keys create".
function __glambdar_at --argument-names wanted
  set -l place ''
  set -l given (commandline -opc)
  set -e given[1]
  for word in $given
    set -l longer (string trim -- "$place $word")
    if contains -- "$longer" ${known}
      set place $longer
    end
  end
  test "$place" = "$wanted"
end
${lines.join('\n')}
`;
}

/** A word of fish's language. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
