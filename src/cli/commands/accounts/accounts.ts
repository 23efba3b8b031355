/** Owns the commands about one's account: `register`, `login`, `logout` and `whoami`. */
import { Client } from '../../api/client.js';
import { CliError, EXIT } from '../../cli-error.js';
import { profilesPath, readProfiles, writeProfile } from '../../profiles.js';
import { clientOf, connectionOf, profileName, serverToSignInTo, type CommonOptions } from '../../session.js';
import { printResult, styled } from '../../terminal/output.js';
import { ask, askSecretly } from '../../terminal/question.js';
import { pairsText } from '../../terminal/table.js';

export interface SignInOptions extends CommonOptions {
  email?: string;
  password?: string;
  key?: boolean;
}

interface SignedIn {
  token: string;
  user: { uuid: string; email: string };
}

export async function signIn(verb: 'register' | 'login', options: SignInOptions): Promise<void> {
  const server = serverToSignInTo(options);
  if (options.key) return signInWithKey(server, options);
  const email = options.email ?? (await ask('E-mail: ', withoutTerminal(verb)));
  const password = options.password ?? (await askSecretly('Password: '));
  const { token, user } = await new Client(server, null)
    .json<SignedIn>('POST', `/auth/${verb}`, { email, password })
    .catch((error: unknown) => {
      throw error instanceof CliError && error.exitCode === EXIT.denied && verb === 'login'
        ? wrongPassword(error)
        : error;
    });
  writeProfile(profileName(options), { server, token, email: user.email });
  tell(server, user.email, options);
}

export async function logout(options: CommonOptions): Promise<void> {
  // A profile that is named and does not exist is refused as by every command.
  connectionOf(options);
  const name = profileName(options);
  const profile = readProfiles()[name];
  if (profile === undefined || profile.token === null) throw new CliError('You are not signed in.');
  // A key is forgotten here and stays valid; a user's tokens end on the server. Forgotten is the token in any case.
  try {
    if (!profile.token.startsWith('glm_'))
      await new Client(profile.server, profile.token).json('POST', '/auth/logout');
  } finally {
    writeProfile(name, { ...profile, token: null, email: null });
  }
  printResult(
    options.json === true,
    { server: profile.server },
    () => `${styled('green', '✓')} signed out of ${profile.server}`,
  );
}

export async function whoami(options: CommonOptions): Promise<void> {
  const client = clientOf(options);
  const told = await client.json<Record<string, unknown>>('GET', '/auth/me');
  printResult(options.json === true, told, () =>
    pairsText([
      ['server', client.url],
      ...Object.entries(told)
        .filter(([, value]) => value !== null)
        .map(([key, value]) => [key, String(value)] as const),
    ]),
  );
}

function withoutTerminal(verb: 'register' | 'login'): string {
  const byPassword = `Write \`glambdar ${verb} --email EMAIL < FILE\`, with the password in the file, or give it with --password`;
  return verb === 'login'
    ? `${byPassword}; \`glambdar login --key < FILE\` signs in with a key.`
    : `${byPassword}.`;
}

async function signInWithKey(server: string, options: SignInOptions): Promise<void> {
  const token = (await askSecretly('Key: ')).trim();
  await new Client(server, token).json('GET', '/auth/me');
  writeProfile(profileName(options), { server, token, email: null });
  tell(server, 'the key', options);
}

function wrongPassword(failure: CliError): CliError {
  // Other refusals, such as of a locked account, say themselves what to do.
  if (!failure.message.startsWith('Invalid credentials')) return failure;
  return new CliError(
    'The e-mail or the password is wrong. `glambdar register` makes an account.',
    EXIT.denied,
    { code: failure.code },
  );
}

function tell(server: string, who: string, options: CommonOptions): void {
  const value = { server, profile: profileName(options), file: profilesPath() };
  const whose = options.profile === undefined ? '' : ` with --profile ${options.profile}`;
  // A profile that the command line names is stronger than the variable.
  const unless = options.profile === undefined ? ', unless --server or GLAMBDAR_URL names another' : '';
  printResult(
    options.json === true,
    value,
    () =>
      `${styled('green', '✓')} signed in to ${server} as ${who}\nCommands${whose} speak to ${server} from now on${unless}.`,
  );
}
