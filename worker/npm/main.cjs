/**
 * Owns an install in its container: a bridge from a loopback port to the host's registry socket, npm, and sending the
 * installed tree to the host. Scripts of packages may run beside it under the same user: the host checks all that arrives.
 *
 * The slot holds `package.json`, maybe `package-lock.json`, and two sockets: `r` speaks HTTP and is the registry, `t` takes
 * the result. Result: frames of `u32 length, JSON`, the first one `{exitCode, log}`; when npm succeeded one frame for each
 * file, `{path, size, executable}`, followed by the file's content; at last a frame of length 0.
 */
'use strict';
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');

/** @type {{ port: number, npm: string[] }} */
const { port, npm } = JSON.parse(process.env['GLAMBDAR_INSTALL'] ?? '{}');
delete process.env['GLAMBDAR_INSTALL'];

const SLOT = '/slot';
const WORK = '/tmp/work';
const INPUTS = ['package.json', 'package-lock.json'];
const LOG_BYTES = 16 * 1024;

/** What passes between npm and the registry is the host's business: bytes are handed on as they come. */
function bridge() {
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const registry = net.connect({ path: `${SLOT}/r`, allowHalfOpen: true });
    client.pipe(registry).pipe(client);
    for (const [one, other] of [
      [client, registry],
      [registry, client],
    ])
      /** @type {net.Socket} */ (one).on('error', () => /** @type {net.Socket} */ (other).destroy());
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(undefined)));
}

/** @returns {Promise<{ exitCode: number, log: string }>} the end of what npm printed */
async function runNpm() {
  const child = spawn(process.execPath, ['/npm/bin/npm-cli.js', ...npm], {
    cwd: WORK,
    // npm and scripts look for their shell there; the path of an image without a shell may lack it.
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/bin:/bin` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (log = (log + text).slice(-LOG_BYTES)));
  const [code, signal] = await once(child, 'close');
  return { exitCode: code ?? 128, log: signal === null ? log : `${log}\nnpm was ended by ${signal}` };
}

/** Frames on the result socket, no faster than the host takes them. */
class Result {
  #socket = net.connect({ path: `${SLOT}/t` });

  /** @param {object} header @param {Buffer} [content] */
  async frame(header, content) {
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    await this.#write(Buffer.concat([length, text, ...(content === undefined ? [] : [content])]));
  }

  async end() {
    await this.#write(Buffer.alloc(4));
    this.#socket.end();
    await once(this.#socket, 'close');
  }

  /** @param {Buffer} bytes */
  async #write(bytes) {
    if (!this.#socket.write(bytes)) await once(this.#socket, 'drain');
  }
}

/**
 * The files below a folder, in no order. Links to programs in `.bin` are left out: a function has no shell to run them. So is
 * npm's own copy of the lockfile. Anything else that is no file is sent as what it is, and refused by the host.
 * @param {string} folder @returns {Generator<{ path: string, stats: fs.Stats }>}
 */
function* filesBelow(folder) {
  for (const name of fs.readdirSync(`${WORK}/${folder}`)) {
    const path = `${folder}/${name}`;
    const isModules = folder.endsWith('node_modules');
    if (isModules && (name === '.bin' || name === '.package-lock.json')) continue;
    const stats = fs.lstatSync(`${WORK}/${path}`);
    if (stats.isDirectory()) yield* filesBelow(path);
    else yield { path, stats };
  }
}

async function main() {
  fs.mkdirSync(WORK);
  for (const name of INPUTS)
    if (fs.existsSync(`${SLOT}/${name}`))
      fs.writeFileSync(`${WORK}/${name}`, fs.readFileSync(`${SLOT}/${name}`));
  await bridge();
  const outcome = await runNpm();
  const result = new Result();
  await result.frame(outcome);
  if (outcome.exitCode === 0) {
    // Beside `node_modules` there is always another entry: a single top folder of an archive would be taken for wrapping.
    await result.frame({ path: 'installed', size: 0, executable: false });
    if (fs.existsSync(`${WORK}/node_modules`))
      for (const { path, stats } of filesBelow('node_modules')) {
        const content = stats.isFile() ? fs.readFileSync(`${WORK}/${path}`) : Buffer.alloc(0);
        const executable = (stats.mode & 0o111) !== 0;
        const type = stats.isFile() ? undefined : stats.isSymbolicLink() ? 'link' : 'other';
        await result.frame({ path, size: content.length, executable, type }, content);
      }
  }
  await result.end();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
