/** Owns `completion`: scripts that complete commands and options, made from the commands themselves. */
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.js';

interface Words {
  /** The words before the one that is completed, such as `keys create`; empty at the beginning. */
  path: string;
  /** What may follow. */
  next: string[];
}

export function completion(shell: string, program: Command): void {
  const words = wordsOf(program, '');
  const scripts: Record<string, (all: Words[]) => string> = { bash, zsh, fish };
  const script = scripts[shell];
  if (script === undefined)
    throw new CliError(`There are completions for bash, zsh and fish, not for "${shell}".`, EXIT.usage);
  process.stdout.write(script(words));
}

function wordsOf(command: Command, path: string): Words[] {
  const own = {
    path,
    next: [
      ...command.commands.map((inner) => inner.name()),
      ...command.options.flatMap(({ short, long }) => [short, long].filter((flag) => flag !== undefined)),
    ],
  };
  return [own, ...command.commands.flatMap((inner) => wordsOf(inner, `${path} ${inner.name()}`.trim()))];
}

/** Cases of the shells bash and zsh: the path so far → the words that may follow. */
function cases(words: Words[]): string {
  return words.map(({ path, next }) => `    "${path}") words="${next.join(' ')}" ;;`).join('\n');
}

function bash(words: Words[]): string {
  return `_glambdar() {
  local words path="" at word
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    case " ${words.map(({ path }) => `|${path}|`).join(' ')} " in
      *"|\${path:+$path }$word|"*) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases(words)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _glambdar glambdar
`;
}

function zsh(words: Words[]): string {
  return `#compdef glambdar
autoload -U +X bashcompinit && bashcompinit
${bash(words)}`;
}

function fish(words: Words[]): string {
  const lines = words.flatMap(({ path, next }) => {
    const condition =
      path === ''
        ? '__fish_use_subcommand'
        : path
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ');
    return [`complete -c glambdar -n '${condition}' -a '${next.join(' ')}'`];
  });
  return `${lines.join('\n')}\n`;
}
