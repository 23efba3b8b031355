/** Owns words of other programs for what a command of this one does. */

const COMMANDS: Readonly<Record<string, string>> = {
  remove: 'rm',
  del: 'rm',
  update: 'deploy',
  push: 'deploy',
  publish: 'deploy',
  run: 'invoke',
  call: 'invoke',
  new: 'init',
};

/** The sentence about a command that is not there, with the one that was probably meant. @param words of the command line */
export function withMeantCommand(sentence: string, words: string[]): string {
  const word = /unknown command '([a-z]+)'/.exec(sentence)?.[1] ?? '';
  const meant = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  // In a group such as `keys` the other words mean other things.
  if (meant === undefined || (words[0] !== word && meant !== 'rm')) return sentence;
  return `${sentence.trimEnd().replace(/\s*\(Did you mean .*\)$/s, '')}\n(Did you mean ${meant}?)\n`;
}
