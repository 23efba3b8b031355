/**
 * Owns the list of the server's variables: the flags of `glambdar start` and the table in docs/configuration.md are made
 * from it. `readConfig` in config.ts reads and checks the values.
 */

export interface ConfigVariable {
  name: string;
  /** What a value is, in one word, as help shows it: `--port <port>`. */
  value: string;
  /** The default, in the words of the documentation (Markdown). */
  fallback: string;
  /** What the variable says (Markdown). */
  meaning: string;
}

const variable = (name: string, value: string, fallback: string, meaning: string): ConfigVariable => ({
  name,
  value,
  fallback,
  meaning,
});

/** Every variable, in the order of the documentation. */
export const CONFIG_VARIABLES: readonly ConfigVariable[] = [
  variable(
    'GLAMBDAR_DIR',
    'dir',
    'the checkout; of an installed package `~/.local/share/glambdar`',
    'where functions, database and slots live; created if missing; one server at a time',
  ),
  variable(
    'GLAMBDAR_HOST',
    'address',
    '`127.0.0.1`',
    "address to listen on; another one than this machine's own needs `GLAMBDAR_AUTH=on`",
  ),
  variable('GLAMBDAR_PORT', 'port', '`8000`', '0 = any free port, printed'),
  variable(
    'GLAMBDAR_PUBLIC_URL',
    'url',
    'none',
    'where clients reach the server if that differs, e.g. behind a proxy; its host is accepted',
  ),
  variable(
    'GLAMBDAR_AUTH',
    'on|off',
    '`off`',
    '`on`: requests need a token or a key; see [accounts](accounts.md)',
  ),
  variable('GLAMBDAR_REGISTRATION', 'on|off', '`on`', '`off`: nobody registers; an admin hands out keys'),
  variable(
    'GLAMBDAR_TOKEN_SECRET',
    'secret',
    'the file `token-secret`',
    'signs the tokens of users; 32 bytes or more',
  ),
  variable(
    'GLAMBDAR_DEFAULT_NETWORK',
    'network',
    '`none`',
    'network of a new function that names none: `none`, `bridge`',
  ),
  variable(
    'GLAMBDAR_QUOTA_FUNCTIONS',
    'number',
    '0',
    'functions that a namespace may have; 0 = no limit, here and in the next three; see [accounts](accounts.md)',
  ),
  variable(
    'GLAMBDAR_QUOTA_CODE_MB',
    'number',
    '0',
    'code of all active versions of a namespace, installed packages included',
  ),
  variable('GLAMBDAR_QUOTA_CONCURRENT_CALLS', 'number', '0', 'calls of a namespace that run or wait at once'),
  variable('GLAMBDAR_QUOTA_CALLS_PER_MINUTE', 'number', '0', 'calls of a namespace a minute'),
  variable(
    'GLAMBDAR_FUNCTIONS_PORT',
    'port',
    'none',
    'a second listener, for public functions alone ([Publishing functions](publishing.md)); 0 = any free port, printed',
  ),
  variable('GLAMBDAR_FUNCTIONS_HOST', 'address', '`127.0.0.1`', 'address of the listener for functions'),
  variable(
    'GLAMBDAR_FUNCTIONS_DOMAIN',
    'domain',
    'none',
    'domain below which every function has a host name on that listener',
  ),
  variable(
    'GLAMBDAR_TRUSTED_PROXIES',
    'addresses',
    'none',
    'addresses and networks, separated by commas: the proxies whose `X-Forwarded-For`, `-Proto` and `-Host` count',
  ),
  variable(
    'GLAMBDAR_IMAGE',
    'image',
    'built locally',
    'any other image with Node.js 20.19 or newer; pulled if it is not there',
  ),
  variable(
    'GLAMBDAR_REGISTRY_AUTH',
    'file',
    '`~/.docker/config.json`',
    'logins at registries, in the form of that file; read at every pull. Credential helpers are not used',
  ),
  variable('GLAMBDAR_RUNTIME', 'name', "the daemon's", '`runc`, `crun`, `runsc`, …'),
  variable('DOCKER_HOST', 'url', '`/var/run/docker.sock`', '`unix://…` or `tcp://…`, on this machine'),
  variable(
    'GLAMBDAR_STANDBY',
    'number',
    '8, or the number of cores if that is more; less where half the places or half the memory budget are less',
    'standbys of the default profile kept at least; 0 = none of any',
  ),
  variable(
    'GLAMBDAR_MEMORY_BUDGET_MB',
    'MB',
    'a quarter of the memory',
    'all idle containers together; 0 = nothing idle is kept, calls are cold',
  ),
  variable(
    'GLAMBDAR_MAX_INSTANCES',
    'number',
    'half the memory / 128 MB, 4–64',
    'containers at once, in any state',
  ),
  variable(
    'GLAMBDAR_MAX_STARTING',
    'number',
    '2 × cores',
    'containers being started at once; half as many while several functions are being called',
  ),
  variable('GLAMBDAR_MAX_QUEUE', 'number', '500', 'calls waiting beyond those a container is on its way for'),
  variable('GLAMBDAR_QUEUE_TIMEOUT_MS', 'ms', '30000', 'then `AT_CAPACITY`'),
  variable('GLAMBDAR_START_TIMEOUT_MS', 'ms', '15000', 'for a container and its worker to be ready'),
  variable('GLAMBDAR_LOAD_TIMEOUT_MS', 'ms', '10000', "for a function's modules to load"),
  variable(
    'GLAMBDAR_KEEP_ALIVE_MS',
    'ms',
    '600000',
    'how long an idle reused container is kept, and a function without calls counts as in use',
  ),
  variable('GLAMBDAR_CANCEL_GRACE_MS', 'ms', '1000', 'how long a call may go on after its caller has gone'),
  variable('GLAMBDAR_SHUTDOWN_MS', 'ms', '30000', 'how long running calls may go on after SIGTERM'),
  variable(
    'GLAMBDAR_REQUEST_TIMEOUT_MS',
    'ms',
    '60000',
    'for a client to send a whole request; its head must be there within 10 s',
  ),
  variable(
    'GLAMBDAR_MAX_CONNECTIONS',
    'number',
    '1024',
    'client connections at once; beyond it they are closed',
  ),
  variable('GLAMBDAR_MAX_BODY_BYTES', 'bytes', '6291456', 'body of a call and of its answer'),
  variable(
    'GLAMBDAR_MAX_BODIES_MB',
    'MB',
    '256',
    'bodies of all calls under way, and large answers not read yet, together; one function may hold two thirds, and so may the logs; beyond it `AT_CAPACITY`; at least twice the size above',
  ),
  variable('GLAMBDAR_MAX_ZIP_MB', 'MB', '50', 'uploaded archive'),
  variable('GLAMBDAR_MAX_UNPACKED_MB', 'MB', '250', 'what is in it'),
  variable('GLAMBDAR_MAX_ENTRIES', 'number', '20000', 'files and folders in it'),
  variable(
    'GLAMBDAR_NPM_REGISTRY',
    'url',
    "npm's own",
    'the registry that dependencies are installed from; by default what npm on this machine is configured with',
  ),
  variable('GLAMBDAR_INSTALL_TIMEOUT_MS', 'ms', '300000', 'for one install of dependencies'),
  variable('GLAMBDAR_KEEP_RECORDS', 'number', '1000', 'records of calls kept per function'),
  variable(
    'GLAMBDAR_DISK_RESERVE_MB',
    'MB',
    '16',
    'held back so that a delete works on a full disk; a quarter of it more is held back for calls',
  ),
  variable(
    'GLAMBDAR_UID_BASE',
    'uid',
    '200000',
    'first of 20,000 host uids for instances; two for installs follow',
  ),
  variable('GLAMBDAR_LOG_LEVEL', 'level', '`info`', '`trace` … `fatal`, `silent`; JSON lines on stderr'),
];
