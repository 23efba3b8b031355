/**
 * Owns the list of the server's variables: the flags of `glambdar start` and the tables in docs/configuration.md are made
 * from it. `readConfig` in config.ts reads and checks the values.
 */

export interface ConfigVariable {
  name: string;
  /** What a value is, in one word, as help shows it: `--port <port>`. */
  value: string;
  /** The default, in the words of the documentation (Markdown without links). */
  fallback: string;
  /** What the variable says (Markdown without links, because help shows it, too). */
  meaning: string;
}

/** Variables that belong together, as the documentation shows them. */
export interface ConfigGroup {
  title: string;
  /** What to know before the table (Markdown); null when the table says it all. */
  about: string | null;
  variables: readonly ConfigVariable[];
}

const variable = (name: string, value: string, fallback: string, meaning: string): ConfigVariable => ({
  name,
  value,
  fallback,
  meaning,
});

/** Every variable, in the order of the documentation. */
export const CONFIG_GROUPS: readonly ConfigGroup[] = [
  {
    title: 'The server',
    about: null,
    variables: [
      variable(
        'GLAMBDAR_DIR',
        'dir',
        'the checkout; of an installed package `~/.local/share/glambdar`',
        'The data directory: functions, databases, keys. It is made if it is missing. Only one server at a time can use it.',
      ),
      variable(
        'GLAMBDAR_HOST',
        'address',
        '`127.0.0.1`',
        'The address to listen on. An address that other machines can reach needs `GLAMBDAR_AUTH=on`.',
      ),
      variable(
        'GLAMBDAR_PORT',
        'port',
        '`8000`',
        'The port. 0 takes any free port, and the server prints it.',
      ),
      variable(
        'GLAMBDAR_PUBLIC_URL',
        'url',
        'none',
        'The URL by which clients reach the server, if it differs from the address above, for example behind a proxy.',
      ),
      variable(
        'GLAMBDAR_TRUSTED_PROXIES',
        'addresses',
        'none',
        'The proxies whose `X-Forwarded-For`, `-Proto` and `-Host` count: addresses and networks, separated by commas, such as `127.0.0.1,10.0.0.0/8`.',
      ),
      variable(
        'GLAMBDAR_LOG_LEVEL',
        'level',
        '`info`',
        'The least important lines that the server logs: `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`.',
      ),
    ],
  },
  {
    title: 'Public functions',
    about: '[Publishing functions](publishing.md) shows how to use these.',
    variables: [
      variable(
        'GLAMBDAR_FUNCTIONS_PORT',
        'port',
        'none',
        'The port of a second listener, which serves public functions only. Without it there is no such listener. 0 takes any free port, and the server prints it.',
      ),
      variable('GLAMBDAR_FUNCTIONS_HOST', 'address', '`127.0.0.1`', 'The address of that listener.'),
      variable(
        'GLAMBDAR_FUNCTIONS_DOMAIN',
        'domain',
        'none',
        'A domain such as `fn.example.com`: each function gets a host name below it.',
      ),
    ],
  },
  {
    title: 'Accounts and quotas',
    about:
      '[Accounts](accounts.md) shows how to use these. A quota is a limit for each namespace, and 0 means no limit.',
    variables: [
      variable('GLAMBDAR_AUTH', 'on|off', '`off`', '`on`: every request needs a token or a key.'),
      variable(
        'GLAMBDAR_REGISTRATION',
        'on|off',
        '`on`',
        '`off`: nobody can register. Admins hand out keys instead.',
      ),
      variable(
        'GLAMBDAR_TOKEN_SECRET',
        'secret',
        'the file `token-secret`',
        'The secret that signs the tokens of users: 32 bytes or more.',
      ),
      variable(
        'GLAMBDAR_DEFAULT_NETWORK',
        'network',
        '`none`',
        'The network of a new function that names none: `none` or `bridge`.',
      ),
      variable('GLAMBDAR_QUOTA_FUNCTIONS', 'number', '0', 'How many functions a namespace may have.'),
      variable(
        'GLAMBDAR_QUOTA_CODE_MB',
        'number',
        '0',
        'How many MB the active versions of a namespace may take, with their installed packages.',
      ),
      variable(
        'GLAMBDAR_QUOTA_CONCURRENT_CALLS',
        'number',
        '0',
        'How many calls of a namespace may run or wait at once.',
      ),
      variable(
        'GLAMBDAR_QUOTA_CALLS_PER_MINUTE',
        'number',
        '0',
        'How many calls a namespace may make in a minute.',
      ),
    ],
  },
  {
    title: 'Docker and images',
    about: null,
    variables: [
      variable(
        'DOCKER_HOST',
        'url',
        '`/var/run/docker.sock`',
        'The Docker daemon, as `unix://…` or `tcp://…`. It must run on this machine.',
      ),
      variable(
        'GLAMBDAR_IMAGE',
        'image',
        'built locally',
        'The image that functions run in. It needs Node.js 20.19 or newer, and is pulled if it is not there.',
      ),
      variable(
        'GLAMBDAR_RUNTIME',
        'name',
        "the daemon's",
        'The runtime of the containers, as Docker knows it: `runc`, `crun`, `runsc`, …',
      ),
      variable(
        'GLAMBDAR_REGISTRY_AUTH',
        'file',
        '`~/.docker/config.json`',
        'The file with logins for image registries, as `docker login` writes it. It is read at every pull. Credential helpers do not work.',
      ),
      variable(
        'GLAMBDAR_UID_BASE',
        'uid',
        '200000',
        'The first of 20,002 user ids for containers. No user of this machine should have one of them.',
      ),
    ],
  },
  {
    title: 'How many containers',
    about: '[How it is built](how-it-is-built.md#ready-ahead-of-calls) says what these containers are for.',
    variables: [
      variable(
        'GLAMBDAR_MAX_INSTANCES',
        'number',
        'half the memory / 128 MB, but 4 to 64',
        'How many containers there may be at once. Lower it if functions have a large `memoryMb`, because the limit counts containers, not memory.',
      ),
      variable(
        'GLAMBDAR_MAX_STARTING',
        'number',
        '2 × cores',
        'How many containers may be starting at once. It is half as many while several functions are being called.',
      ),
      variable(
        'GLAMBDAR_STANDBY',
        'number',
        '8, or the cores if there are more, or less on a small machine',
        'How many containers without code are kept ready. 0 keeps none.',
      ),
      variable(
        'GLAMBDAR_MEMORY_BUDGET_MB',
        'MB',
        'a quarter of the memory',
        'How much memory all idle containers may take together. 0 keeps none, so every call has to start one.',
      ),
      variable(
        'GLAMBDAR_KEEP_ALIVE_MS',
        'ms',
        '600000',
        'How long a function counts as in use after its last call, and how long a reused container may be idle.',
      ),
    ],
  },
  {
    title: 'Calls',
    about: null,
    variables: [
      variable(
        'GLAMBDAR_MAX_BODY_BYTES',
        'bytes',
        '6291456',
        'How large the body of a call may be, and its answer.',
      ),
      variable(
        'GLAMBDAR_MAX_BODIES_MB',
        'MB',
        '256',
        'How large the bodies of all calls may be together, with answers that are not read yet. One function may take two thirds. Beyond the limit calls get `AT_CAPACITY`.',
      ),
      variable(
        'GLAMBDAR_MAX_QUEUE',
        'number',
        '500',
        'How many calls may wait for a container, beside those for which one is starting.',
      ),
      variable(
        'GLAMBDAR_QUEUE_TIMEOUT_MS',
        'ms',
        '30000',
        'How long a call may wait for a container. Then it gets `AT_CAPACITY`.',
      ),
      variable('GLAMBDAR_START_TIMEOUT_MS', 'ms', '15000', 'How long a container may take to start.'),
      variable(
        'GLAMBDAR_LOAD_TIMEOUT_MS',
        'ms',
        '10000',
        'How long the code of a function may take to load.',
      ),
      variable(
        'GLAMBDAR_CANCEL_GRACE_MS',
        'ms',
        '1000',
        'How long a call may go on when its client has gone.',
      ),
      variable(
        'GLAMBDAR_SHUTDOWN_MS',
        'ms',
        '30000',
        'How long running calls may go on when the server is told to stop.',
      ),
      variable(
        'GLAMBDAR_REQUEST_TIMEOUT_MS',
        'ms',
        '60000',
        'How long a client may take to send a whole request. Its headers must be there within 10 s.',
      ),
      variable(
        'GLAMBDAR_MAX_CONNECTIONS',
        'number',
        '1024',
        'How many clients may be connected at once. Further connections are closed.',
      ),
      variable(
        'GLAMBDAR_KEEP_RECORDS',
        'number',
        '1000',
        'How many records of calls are kept for a function.',
      ),
    ],
  },
  {
    title: 'Deploys',
    about: null,
    variables: [
      variable('GLAMBDAR_MAX_ZIP_MB', 'MB', '50', 'How large an uploaded archive may be.'),
      variable(
        'GLAMBDAR_MAX_UNPACKED_MB',
        'MB',
        '250',
        'How large it may be unpacked, with the installed packages.',
      ),
      variable(
        'GLAMBDAR_MAX_ENTRIES',
        'number',
        '20000',
        'How many files and folders it may have, with the installed packages.',
      ),
      variable(
        'GLAMBDAR_NPM_REGISTRY',
        'url',
        "the one that this machine's npm uses",
        'The registry from which dependencies are installed.',
      ),
      variable(
        'GLAMBDAR_INSTALL_TIMEOUT_MS',
        'ms',
        '300000',
        'How long an install of dependencies may take.',
      ),
      variable(
        'GLAMBDAR_DISK_RESERVE_MB',
        'MB',
        '16',
        'How much disk is held back, so that deletes work when the disk is full. A quarter more is held back for calls.',
      ),
    ],
  },
];

/** Every variable, in the order of the documentation. */
export const CONFIG_VARIABLES: readonly ConfigVariable[] = CONFIG_GROUPS.flatMap(
  ({ variables }) => variables,
);
